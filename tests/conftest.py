"""What counts for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither an example nor drawing one has a limit of time.
settings.register_profile("tradewind", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tradewind")
