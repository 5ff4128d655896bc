"""Drawing in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import Batch, pixels_of
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.conditions import SampleConditions, usual
from diorama.synthesis.drawing import DrawOptions, DrawPrecision, draw, share_of
from tests.synthesis.models import enlarger, tiny_diffusion, tiny_gan, tiny_vae, tiny_video_gan

PLAIN = DrawOptions(precision="fp32")


def together(batches: list[Batch]) -> Tensor:
    return torch.cat([pixels_of(batch) for batch in batches])


def test_samples_come_with_their_numbers_and_what_they_were_given() -> None:
    model = tiny_diffusion(("cat", "dog"))
    conditions = usual(model.config.conditions, None)
    batches = list(draw(model, 5, seed=2, conditions=conditions, options=replace(PLAIN, batch_size=2, first=3)))
    assert [batch["index"].tolist() for batch in batches] == [[3, 4], [5, 6], [7]]
    assert torch.cat([batch["label"] for batch in batches]).tolist() == [1, 0, 1, 0, 1]
    expected = model.sample(5, seed=2, first=3, condition={"label": torch.tensor([1, 0, 1, 0, 1])})
    torch.testing.assert_close(together(batches), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("model", [tiny_gan(), tiny_vae(), tiny_video_gan()])
def test_the_batch_does_not_change_a_sample(model: Synthesizer) -> None:
    whole = list(draw(model, 7, options=PLAIN))
    assert len(whole) == 1
    parts = list(draw(model, 7, options=replace(PLAIN, batch_size=3)))
    torch.testing.assert_close(together(whole), together(parts), atol=1e-5, rtol=1e-4)


def test_batches_are_of_one_size() -> None:
    sizes = [len(batch["index"]) for batch in draw(tiny_gan(), 130, options=PLAIN)]
    assert sizes == [44, 44, 42]


def test_big_samples_are_drawn_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_gan()
    large = replace(model.config.media, height=1024, width=1024)
    monkeypatch.setattr(model, "config", replace(model.config, media=large))
    assert [len(batch["index"]) for batch in draw(model, 3, options=PLAIN)] == [1, 1, 1]


def test_exact_samples_are_bit_equal_however_they_are_asked_for() -> None:
    model, exact = tiny_diffusion(), DrawOptions(exact=True)
    whole = together(list(draw(model, 20, options=exact)))
    some = together(list(draw(model, 5, options=replace(exact, first=6))))
    assert torch.equal(whole[6:11], some)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("model", [tiny_gan(), tiny_diffusion()])
def test_lower_precision_keeps_the_picture(model: Synthesizer, precision: DrawPrecision) -> None:
    full = together(list(draw(model, 64, options=PLAIN)))
    faster = together(list(draw(model, 64, options=DrawOptions(precision=precision))))
    errors = (full - faster).square().flatten(1).mean(1)
    assert (10 * torch.log10(4 / errors)).median() >= 45


def test_precision_is_lowered_by_itself_only_where_it_saves_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    seen: list[bool] = []
    for model in (tiny_gan(), tiny_diffusion()):
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                module.register_forward_pre_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
                break
        list(draw(model, 1))
    assert seen == [False, *[True] * 4]


def test_features_that_float16_cannot_hold_are_drawn_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: True)
    model, seen = tiny_diffusion(), []

    def enlarge(module: torch.nn.Module, given: object, output: Tensor) -> Tensor:
        seen.append(output.dtype)
        return output * (1e6 if len(seen) > 4 else 1.0)

    expected = together(list(draw(model, 6, options=DrawOptions(precision="bf16", batch_size=2))))
    model.denoiser.conv_in.register_forward_hook(enlarge)
    # The first batch, of four steps, fits. The second does not, when the third is on its way: both are drawn again.
    found = list(draw(model, 6, options=DrawOptions(precision="fp16", batch_size=2)))
    assert [batch["index"].tolist() for batch in found] == [[0, 1], [2, 3], [4, 5]]
    assert seen == [*[torch.float16] * 12, *[torch.bfloat16] * 8]
    assert "sample 2 and those after it are drawn in bfloat16" in caplog.text
    assert torch.isfinite(together(found)).all()
    torch.testing.assert_close(together(found)[:2], expected[:2], atol=5e-2, rtol=0)


def test_a_model_without_numbers_is_drawn_as_it_is() -> None:
    model = tiny_diffusion()
    torch.nn.init.constant_(model.denoiser.conv_in.weight, float("nan"))
    assert len(together(list(draw(model, 4, options=DrawOptions(precision="fp16", batch_size=2))))) == 4


def test_the_caller_is_not_under_autocast() -> None:
    for precision in ("fp16", "bf16"):
        options = DrawOptions(precision=precision, batch_size=1)
        assert not any(torch.is_autocast_enabled("cpu") for _ in draw(tiny_gan(), 3, options=options))


def test_another_sampler_is_used() -> None:
    model = tiny_diffusion()
    asked = replace(PLAIN, sampling=Sampling(steps=2))
    expected = model.resampled(Sampling(steps=2)).sample(2)
    assert torch.equal(together(list(draw(model, 2, options=asked))), expected)


def test_shares_of_processes_are_all_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    for rank in range(3):
        monkeypatch.setattr("diorama.core.distributed.rank", lambda rank=rank: rank)
        monkeypatch.setattr("diorama.core.distributed.world_size", lambda: 3)
        first, count = share_of(10, first=5)
        found += range(first, first + count)
    assert found == list(range(5, 15))


def test_memory_that_does_not_suffice_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_gan()
    plain = model.sample

    def short_of_memory(count: int, **rest: object) -> Tensor:
        if count > 3:
            raise torch.cuda.OutOfMemoryError
        return plain(count, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "sample", short_of_memory)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    sizes = [len(batch["index"]) for batch in draw(model, 8, options=PLAIN)]
    assert sizes == [2, 2, 2, 2]


def test_a_model_that_is_given_a_picture_yields_the_one_it_draws() -> None:
    model = enlarger()
    picture = torch.zeros(2, 1, 8, 8)
    given = SampleConditions(table={"image": picture}, words=({}, {}))
    (batch,) = draw(model, 2, conditions=given, options=PLAIN)
    assert batch["image"].shape == (2, 1, 16, 16)
    torch.testing.assert_close(batch["image"], model.sample(2, condition={"image": picture}))


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    assert list(draw(tiny_gan(), 0)) == []
