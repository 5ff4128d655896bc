"""Which adapter computes the cases of which official class."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.runner import Adapter

ADAPTERS: Mapping[str, Adapter] = {}
