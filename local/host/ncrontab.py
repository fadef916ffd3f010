"""NCRONTAB schedules, as timer triggers know them.

The usual cron libraries follow Unix, where a day matches if day-of-month *or* day-of-week matches, and put seconds
last. NCRONTAB puts seconds first and wants both to match
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions).
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from local.host.errors import HostError

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_HORIZON_DAYS = 366 * 41  # 29 February falls on a given weekday at least once in 40 years


@dataclass(frozen=True, kw_only=True)
class _Field:
    name: str
    lowest: int
    highest: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field(name="second", lowest=0, highest=59),
    _Field(name="minute", lowest=0, highest=59),
    _Field(name="hour", lowest=0, highest=23),
    _Field(name="day", lowest=1, highest=31),
    _Field(name="month", lowest=1, highest=12, words=_MONTHS),
    _Field(name="day of the week", lowest=0, highest=6, words=_DAYS),
)


class Ncrontab:
    """A schedule of six fields: second, minute, hour, day, month, day of the week (0 is Sunday), in UTC.

    Five fields are understood as the real host understands them: the second is 0.

    Args:
        expression: The schedule, ``0 */15 * * * *`` for example.

    Raises:
        HostError: The expression is not NCRONTAB or never occurs.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        parts = expression.split()
        if len(parts) == 5:
            parts.insert(0, "0")
        if len(parts) != 6:
            raise self._refused(f"has {len(parts)} fields.")
        sets = [self._numbers(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
        seconds, minutes, hours, self._days, self._months, self._weekdays = sets
        self._times = [time(h, m, s) for h in sorted(hours) for m in sorted(minutes) for s in sorted(seconds)]
        self.next_after(datetime(2000, 1, 1))  # noqa: DTZ001  any date shows whether the schedule ever occurs

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly later than ``moment``, in the same time zone."""
        for offset in range(_HORIZON_DAYS):
            day = moment.date() + timedelta(days=offset)
            weekday = day.isoweekday() % 7
            if day.month not in self._months or day.day not in self._days or weekday not in self._weekdays:
                continue
            later = bisect_right(self._times, moment.time()) if offset == 0 else 0
            if later < len(self._times):
                return datetime.combine(day, self._times[later], tzinfo=moment.tzinfo)
        raise self._refused("never occurs.")

    def _numbers(self, text: str, field: _Field) -> frozenset[int]:
        return frozenset(number for item in text.split(",") for number in self._item(item, field))

    def _item(self, text: str, field: _Field) -> range:
        body, slash, step_text = text.partition("/")
        step = self._number(step_text, None) if slash else 1
        if step < 1:
            raise self._refused(f"has a step of {step} in the field {field.name}.")
        if body == "*":
            first, last = field.lowest, field.highest
        else:
            start, dash, end = body.partition("-")
            first = self._number(start, field)
            last = self._number(end, field) if dash else (field.highest if slash else first)
        if first > last:
            raise self._refused(f"has the empty range {body!r} in the field {field.name}.")
        return range(first, last + 1, step)

    def _number(self, text: str, field: _Field | None) -> int:
        number = int(text) if text.isascii() and text.isdigit() else self._word(text, field)
        if field and not field.lowest <= number <= field.highest:
            raise self._refused(f"has {text!r} in the field {field.name}.")
        return number

    def _word(self, text: str, field: _Field | None) -> int:
        words = field.words if field and len(text) >= 3 else ()
        for index, word in enumerate(words):
            if word.startswith(text.lower()):
                return index + (field.lowest if field else 0)
        raise self._refused(f"has {text!r} where a number belongs.")

    def _refused(self, cause: str) -> HostError:
        return HostError(
            resource=f"schedule {self.expression!r}",
            cause=cause,
            fix="Write six NCRONTAB fields: second minute hour day month weekday.",
        )
