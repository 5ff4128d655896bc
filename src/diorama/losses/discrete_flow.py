"""The loss of discrete flow matching."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from diorama.processes.mixture_path import MixturePath


def generalized_kl(
    path: MixturePath,
    logits: Float[Tensor, "b ... k"],
    data: Int[Tensor, "b ..."],
    tokens: Int[Tensor, "b ..."],
    t: Float[Tensor, " b"],
) -> Float[Tensor, "b ..."]:
    """Bregman divergence between the true rates of a mixture path and the learned ones, of every token, in nats.

    Args:
        path: that the tokens are on.
        logits: of the data's tokens, given ``tokens``.
        data: the data's tokens.
        tokens: at times t.
        t: in (0, 1].

    Reference: N. Shaul et al., "Flow matching with general discrete paths", arXiv:2412.03487, equation 25; Y. Lipman
    et al., arXiv:2412.06264, equation 7.32.
    """
    log_probability = logits.float().log_softmax(-1)
    of_data, of_now = (log_probability.gather(-1, index[..., None])[..., 0] for index in (data, tokens))
    same = (tokens == data).to(of_data.dtype)
    rate = path.jump_rate(t).reshape(-1, *(1,) * (data.dim() - 1))
    return -rate * (of_now.exp() - same + (1 - same) * of_data)
