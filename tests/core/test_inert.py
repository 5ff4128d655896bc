"""Objects in pickles stay names and states, in proportion to the file, whatever it says."""

from __future__ import annotations

import pickle
import pickletools
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.core.inert import Inert, PublishedObjects
from diorama.core.legacy import is_pickled_object, read_objects, read_state_dict, tensors_of_module
from diorama.core.pickles import Unreadable, run_pickle
from tests.core.test_pickles import doubling

NAMES = {
    "persistent": b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n",
    "dict": b"cdnnlib.util\nEasyDict\n",
    "nested": b"ctorch.storage\n_load_from_bytes\n",
    "tensor": b"ctorch._utils\n_rebuild_tensor_v2\n",
    "array": b"cnumpy.core.multiarray\n_reconstruct\n",
    "ndarray": b"cnumpy\nndarray\n",
    "number": b"cnumpy.core.multiarray\nscalar\n",
    "dtype": b"cnumpy\ndtype\n",
    "modules": b"ctorch.nn.modules.container\nModuleDict\n",
    "set": b"cbuiltins\nset\n",
}


def text(words: str) -> bytes:
    return b"X" + len(words).to_bytes(4, "little") + words.encode()


def blob(data: bytes) -> bytes:
    return b"B" + len(data).to_bytes(4, "little") + data


def meta(name: bytes = text("Net"), state: bytes = b"}", kind: bytes = text("class")) -> bytes:
    """``_reconstruct_persistent_obj({…})``."""
    items = text("type") + kind + text("version") + b"K\x06" + text("module_src") + text("raise SystemExit")
    return NAMES["persistent"] + b"}(" + items + text("class_name") + name + text("state") + state + b"u\x85R"


def typed(values: torch.Tensor) -> bytes:
    """What a tensor's own pickle holds of its storage."""
    return next(given for code, given, _ in pickletools.genops(pickle.dumps(values, 4)) if "BINBYTES" in code.name)


def dtype(code: str, order: str = "<") -> bytes:
    return (
        NAMES["dtype"]
        + b"("
        + text(code)
        + b"\x89\x88tR(K\x03"
        + text(order)
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )


def array(shape: bytes, kind: bytes, data: bytes) -> bytes:
    empty = NAMES["array"] + b"(" + NAMES["ndarray"] + b"K\x00\x85" + blob(b"b") + b"tR"
    return empty + b"(K\x01" + shape + kind + b"\x89" + blob(data) + b"tb"


def read(tmp_path: Path, program: bytes) -> Any:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + program + b".")
    return read_objects(tmp_path / "a.pkl")


def test_an_object_is_its_name_and_state(tmp_path: Path) -> None:
    found = read(tmp_path, meta(state=b"}" + text("width") + b"K\x07s"))
    assert isinstance(found, Inert)
    assert (found.name, found.state) == ("Net", {"width": 7})


def test_arrays_and_numbers_of_numpy_are_read(tmp_path: Path) -> None:
    values = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "n": np.float64(0.5),
    }
    values |= {"flag": np.bool_(True), "count": np.int64(-3), "none": np.zeros((0, 2))}
    for protocol in (3, 4):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(values, protocol))
        found = read_objects(tmp_path / "a.pkl")
        assert torch.equal(found["a"], torch.from_numpy(values["a"]))
        assert torch.equal(found["turned"], torch.from_numpy(values["turned"].copy()))
        assert (found["n"], found["flag"], found["count"]) == (0.5, True, -3)
        assert found["none"].shape == (0, 2)


def test_tensors_of_nested_storages_are_read_and_share_them(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    content = {"whole": whole, "row": whole[1], "half": whole.to(torch.float16), "weight": torch.nn.Parameter(whole)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, 4))
    assert is_pickled_object(tmp_path / "a.pkl")
    found = read_objects(tmp_path / "a.pkl")
    assert all(torch.equal(found[name], tensor) for name, tensor in content.items())
    torch.save(content, tmp_path / "b.pt")
    torch.save(content, tmp_path / "c.pt", _use_new_zipfile_serialization=False)
    assert not is_pickled_object(tmp_path / "b.pt")
    assert not is_pickled_object(tmp_path / "c.pt")


def test_files_of_tensors_may_still_not_use_these_names(tmp_path: Path) -> None:
    torch.save({"a": np.zeros(3)}, tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"asks for numpy"):
        read_state_dict(tmp_path / "a.pt")


def test_the_state_dict_of_a_module_is_that_of_pytorch(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Sequential(), torch.nn.Identity())
    module.register_parameter("w", torch.nn.Parameter(torch.arange(3.0)))
    module.register_buffer("kept", torch.ones(2))
    module.register_buffer("passing", torch.ones(2), persistent=False)
    module[0].register_buffer("inner", torch.zeros(1))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(module, 4))
    found = tensors_of_module(read_objects(tmp_path / "a.pkl"), tmp_path)
    expected = module.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


WEIGHT = torch.arange(4.0)
HOSTILE = {
    "a class that is not named": meta(name=b"]"),
    "a class's name without end": meta(name=text("N" * 100_000)),
    "a name of nested lists": doubling(60)[2:] + b"0" + meta(name=b"h\x3c"),
    "a persistent function": meta(kind=text("function")),
    "an object without a meta": NAMES["persistent"] + b")R",
    "a state of numbers": meta(state=b"K\x01"),
    "an array of objects": array(b"K\x01\x85", dtype("O8", "|"), b""),
    "an array that is larger than its bytes": array(b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", dtype("f8"), bytes(8)),
    "an array of negative size": array(b"J\xff\xff\xff\xff\x85", dtype("f8"), b""),
    "an array of a type that has no bound": array(b"K\x01\x85", dtype("V99999999"), b""),
    "big-endian numbers": array(b"K\x01\x85", dtype("f8", ">"), bytes(8)),
    "a storage that is no file": NAMES["tensor"]
    + b"(" + NAMES["nested"] + blob(b"x" * 99) + b"\x85RK\x00K\x04\x85K\x01\x85tR",
    "a storage of text": NAMES["tensor"] + b"(" + NAMES["nested"] + text("x") + b"\x85RK\x00K\x04\x85K\x01\x85tR",
    "a tensor that is larger than its storage": NAMES["tensor"]
    + b"(" + NAMES["nested"] + blob(typed(WEIGHT)) + b"\x85RK\x00K\x05\x85K\x01\x85tR",
    "a file in a storage's file": NAMES["nested"] + blob(pickle.dumps(WEIGHT, 4)) + b"\x85R",
    "a module in itself": NAMES["modules"] + b")\x81q\x00}" + text("_modules") + b"}" + text("a") + b"h\x00ssb",
    "objects that unfold without end": b"]q\x00" + b"".join(
        meta(state=b"}(" + text("a") + b"h" + bytes([i]) + text("b") + b"h" + bytes([i]) + b"u") + b"q" + bytes([i + 1])
        for i in range(60)
    ),
    "a set of a set": NAMES["set"] + b"]" + b"\x85R" + NAMES["persistent"] + b"\x86R",
    "an unknown module": b"ctorch.nn.modules.rnn\nGRU\n)\x81",
    "a module beside R3GAN's": b"cR3GAN.Networks.os\nsystem\n)\x81",
    "a type that is called": b"ctorch\nbfloat16\n)R",
    "a class under another name": b"ctorch_utils.persistence\nimport_hook\n)R",
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_broken_or_would_unfold_is_refused_in_few_words(tmp_path: Path, what: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadInput) as problem:
            read(tmp_path, HOSTILE[what])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(problem.value)) < len(str(tmp_path)) + 400
    assert peak < 50e6


def measured(tmp_path: Path, program: bytes) -> tuple[Any, int]:
    """What a program holds, and the memory that it took at most."""
    tracemalloc.start()
    found = read(tmp_path, program)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, peak


def test_a_storage_that_thousands_share_is_read_once(tmp_path: Path) -> None:
    shared = NAMES["nested"] + b"q\x00" + blob(typed(torch.arange(100_000.0))) + b"q\x01" + NAMES["tensor"] + b"q\x02"
    view = b"h\x02(h\x00h\x01\x85RK\x00K\x04\x85K\x01\x85tR"
    found, peak = measured(tmp_path, shared + b"(" + view * 5_000 + b"l")
    assert len(found) == 5_000
    assert torch.equal(found[-1], torch.arange(4.0))
    assert peak < 60e6


def test_bytes_that_thousands_of_arrays_share_are_copied_once(tmp_path: Path) -> None:
    program = (
        blob(bytes(800_000)) + b"q\x00" + array(b"J\xa0\x86\x01\x00\x85", dtype("f8"), b"").replace(blob(b""), b"h\x00")
    )
    found, peak = measured(tmp_path, program + b"q\x01(" + b"h\x01" * 20_000 + b"l")
    assert len(found) == 20_000
    assert found[0].shape == (100_000,)
    assert peak < 60e6


def test_a_state_that_thousands_of_objects_share_is_not_copied(tmp_path: Path) -> None:
    many = b"}(" + b"".join(b"J" + i.to_bytes(4, "little") + b"K\x01" for i in range(100_000)) + b"uq\x00"
    one = NAMES["modules"] + b"q\x01)\x81h\x00b"
    began = time.process_time()
    with pytest.raises(BadInput, match="holds more than"):
        read(tmp_path, many + b"0(" + one + (b"h\x01)\x81h\x00b") * 50_000 + b"l")
    assert time.process_time() - began < 10


PIECES = (
    *(b"]", b"}", b")", b"(", b"e", b"u", b"a", b"s", b"t", b"l", b"0", b"2", b"N", b"\x88", b"b", b"R", b"\x81"),
    *(
        b"\x85",
        b"\x86",
        b"\x87",
        b"\x8f",
        b"\x90",
        b"\x94",
        b"K\x00",
        b"K\x01",
        text("a"),
        text("_modules"),
        blob(b"abcdefgh"),
    ),
    *(piece + bytes([i]) for piece in (b"h", b"q") for i in range(4)),
    *NAMES.values(),
    meta(),
    dtype("f8"),
    array(b"K\x01\x85", dtype("f8"), bytes(8)),
    NAMES["number"] + dtype("f8") + blob(bytes(8)) + b"\x86R",
    NAMES["tensor"] + b"(" + NAMES["nested"] + blob(typed(WEIGHT)) + b"\x85RK\x00K\x04\x85K\x01\x85tR",
)


def try_program(path: Path, pieces: list[bytes]) -> None:
    path.write_bytes(b"\x80\x04" + b"".join(pieces) + b".")
    began, refusal = time.process_time(), ""
    try:
        found = read_objects(path)
        if isinstance(found, Inert):
            tensors_of_module(found, path)
    except BadInput as problem:
        refusal = str(problem)
    assert len(refusal) < len(str(path)) + 400
    assert time.process_time() - began < 5


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_program_is_read_or_refused(tmp_path: Path, pieces: list[bytes]) -> None:
    try_program(tmp_path / "a.pkl", pieces)


@pytest.mark.parametrize("seed", range(10))
def test_long_programs_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    try_program(tmp_path / "a.pkl", [b"]q\x00]q\x01", *(draw.choice(PIECES) for _ in range(2_000))])


def test_names_are_refused_without_the_vocabulary() -> None:
    with pytest.raises(Unreadable, match=r"asks for torch_utils\.persistence"):
        run_pickle(b"\x80\x04" + meta() + b".", ())
    assert run_pickle(b"\x80\x04" + meta() + b".", (), vocabulary=PublishedObjects()).values[0].name == "Net"
