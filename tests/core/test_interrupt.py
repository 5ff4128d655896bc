"""Ctrl-C between steps."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from diorama.core.interrupt import listening


def test_the_first_ctrl_c_is_held_back_and_the_second_is_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    with listening() as heard:
        assert not heard.asked
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone() -> None:
    before, asked = signal.getsignal(signal.SIGINT), []

    def listen() -> None:
        with listening() as heard:
            asked.append(heard.asked)
            assert signal.getsignal(signal.SIGINT) is before

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert asked == [False]
