"""Polish public holidays, from the `holidays` library; the only module that knows it."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase


def is_polish_holiday(day: date) -> bool:
    """Whether the law makes that day free in Poland (Christmas Eve since 2025)."""
    return day in _calendar()


@cache
def _calendar() -> HolidayBase:
    from holidays import country_holidays  # 40 ms, for campaigns that ask for it only

    return country_holidays("PL")
