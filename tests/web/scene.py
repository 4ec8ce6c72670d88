"""A workspace and a ledger for the web page's tests: campaigns of every kind, hostile texts, a run of 100,000."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mmsflow.audience.model import SetAside
from mmsflow.delivery.rules import RunRules
from mmsflow.errors import Finding
from mmsflow.ledger.model import NewRun, Outcome, PollResult, RunInfo, RunState, WaveRecord
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.plan.quota import QuotaRules
from mmsflow.secret import Secret
from mmsflow.settings import Settings

TOKEN = "a-token-for-tests-of-the-page"
SKIPPED = "skipped/doubtful/2026-12-01T08:00:00Z"
ACCOUNT = "simulator"
EVIL = (
    "</script></style></title></textarea><script>document.title='owned'</script>\"><img src=x "
    "onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">' style=display:none "
    "<a href=javascript:alert(1)>x</a> \u202egnp.exe \x07\x00\x1b[2J " + "W" * 10_000
)
RULES = RunRules(
    start=datetime(2026, 11, 2, 8, 0, tzinfo=UTC),
    not_after=None,
    per_second=None,
    quota=QuotaRules(0, 1.0),
    attempts=5,
    poll_until=timedelta(hours=72),
    timezone="Europe/Warsaw",
    formats=("csv", "html"),
)
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
BIG, DOUBTFUL, HOSTILE = "big-20261102-1", "doubtful-20261102-1", "hostile-20261102-1"
CROWD = "crowd-20261102-1"
BIG_ROWS, BIG_ASIDE = 100_000, 20_000

_FILE = """\
version: 1
campaign: {name}
description: {description}
purpose: transactional
sender: ACME
recipients: [{{csv: lists/people.csv}}]
message:
  subject: "Kod {{{{ code }}}}"
rate: {rate}
poll: {{until: 6s}}
{more}
"""


def settings_for(folder: Path, **more: object) -> Settings:
    """Settings of a workspace whose gateway is the simulator in this process."""
    values: dict[str, object] = {
        "gateway": "simulator",
        "web_token": Secret(TOKEN),
        "simulator_delay": timedelta(seconds=2),
    }
    return Settings(workspace=folder, **{**values, **more})  # type: ignore[arg-type]


def write_workspace(folder: Path, people: int = 120) -> Path:
    """A campaign by hand, one that needs approval, and one whose file is wrong."""
    for name in ("campaigns", "lists", "media", "templates", ".mmsflow"):
        (folder / name).mkdir(parents=True)
    (folder / "mmsflow.toml").touch()
    lines = ["number,code", *(f"+48501{n:06d},K{n}" for n in range(people)), "12,K", "+48501000000,K"]
    (folder / "lists" / "people.csv").write_text("\n".join(lines), "utf-8")
    write_campaign(folder, "offer", rate="6/s", description="Coupon for loyalty members")
    write_campaign(folder, "winter", rate="30/s", more="approval: required")
    write_campaign(folder, "spring", rate="30/s", more="approval: required")
    write_campaign(folder, "slow", rate="4/s")
    (folder / "campaigns" / "broken.yaml").write_text("version: 1\ncampaign: broken\nsendr: ACME\n", "utf-8")
    return folder


def write_campaign(folder: Path, name: str, *, rate: str, description: str = "A campaign", more: str = "") -> None:
    """One campaign file to the people of the workspace's list."""
    text = _FILE.format(name=name, rate=rate, description=f'"{description}"', more=more)
    (folder / "campaigns" / f"{name}.yaml").write_text(text, "utf-8")


def fill(ledger: Ledger) -> None:
    """A run with every kind of end, one whose every text is hostile, and a notice."""
    carry_out(ledger, DOUBTFUL, "", 12)
    carry_out(ledger, HOSTILE, EVIL, 8)
    notice = NewNotice(
        f"needs_person/{DOUBTFUL}", NoticeKind.NEEDS_PERSON, ACCOUNT, "doubtful", DOUBTFUL,
        "messages were maybe sent to 501 102 030", f"`mmsflow resolve {DOUBTFUL}` lists them",
    )  # fmt: skip
    ledger.tell(notice)
    ledger.tell(NewNotice(SKIPPED, NoticeKind.NEEDS_PERSON, ACCOUNT, "doubtful", "", "doubtful was not sent at 9:00"))
    ledger.tell(NewNotice("paused/evil", NoticeKind.PAUSED, ACCOUNT, EVIL, "", EVIL, EVIL))


def carry_out(ledger: Ledger, name: str, text: str, count: int) -> RunInfo:
    """A run that is over: delivered, failed, maybe sent, undetermined; and rows that were set aside."""
    source = f"lists/{text[:200]}.csv"
    planned = [
        (PlannedMessage(n, source, n + 1, f"+4850110{n:04d}", f"Kod {n} {text}", ()), 1) for n in range(1, count + 1)
    ]
    left_out = (
        (text or "12", Bucket.INVALID, "too_short", "too short"),
        ("+48501101001", Bucket.DUPLICATE, "duplicate", "the number 501 101 001 is in row 2"),
        ("+48501999123", Bucket.EXCLUDED, "opt_out", "opted out: lists/opt-outs.csv row 9"),
    )
    aside = [
        SetAside(count + n, source, count + 1 + n, number, bucket, code, text or reason)
        for n, (number, bucket, code, reason) in enumerate(left_out, 1)
    ]
    new = a_run(name, text, rows=count + len(aside), messages=count)
    run = ledger.take_run(ledger.freeze_run(new, planned, aside).key)
    ids = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=count)]
    ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period="2026-11")
    outcomes = [
        Outcome(id_, 1, _state(id_), START + timedelta(seconds=id_ % 60), f"g{id_}", text or "the reply did not come",
                detail={"http_status": 504, "body": text or "Gateway Timeout"})
        for id_ in ids
    ]  # fmt: skip
    ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=START, period="2026-11")
    words = {0: (MessageState.DELIVERED, "Retrieved"), 1: (MessageState.UNDETERMINED, "Indeterminate")}
    polls = [
        PollResult(id_, START + timedelta(minutes=id_ % 60), *words[i % 2], reason=text)
        for i, id_ in enumerate(id_ for id_ in ids if _state(id_) is MessageState.ACCEPTED)
    ]
    ledger.record_polls(run.key, polls)
    ledger.set_state(run.key, RunState.DONE_WITH_UNKNOWN, reason=text)
    return run


def _state(id_: int) -> MessageState:
    return (MessageState.ACCEPTED, MessageState.REJECTED, MessageState.UNKNOWN, MessageState.ACCEPTED)[id_ % 4]


def a_run(name: str, text: str, *, rows: int, messages: int) -> NewRun:
    """What is frozen of a run; ``text`` stands wherever somebody can write one."""
    return NewRun(
        run=name,
        campaign=name.partition("-")[0],
        account=ACCOUNT,
        occurrence=name,
        test=False,
        campaign_file=f"campaigns/{text[:300]}.yaml",
        campaign_sha256="ab" * 32,
        plan_sha256="cd" * 32,
        git_commit="ef" * 20,
        git_clean=True,
        sender=text or "ACME",
        priority="Normal",
        delivery_report=True,
        config=RULES.as_config(),
        created_at=START,
        rows=rows,
        waves=[WaveRecord(1, START, messages)],
    )


def grow_big_run(path: Path) -> None:
    """A run of 100,000 settled messages and 20,000 rows without one: one frozen of each, copied by the database."""
    with Ledger.open(f"sqlite:///{path}") as ledger:
        one = [(PlannedMessage(1, "lists/big.csv", 2, "+48510000001", "Kod", ()), 1)]
        aside = [SetAside(2, "lists/big.csv", 3, "12", Bucket.INVALID, "too_short", "too short")]
        run = ledger.freeze_run(a_run(BIG, "", rows=2, messages=1), one, aside)
        ledger.set_state(run.key, RunState.DONE)
    with sqlite3.connect(path) as database:
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(messages)")]
        fresh = {
            "id": "id + n", "ordinal": "1 + n", "source_row": "2 + n", "msisdn": "'+4853' || printf('%07d', n)",
            "state": "CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 997 = 0 THEN 'unknown' ELSE 'delivered' END",
            "attempt": "1", "sent_at": "1793000000000000 + n * 7000", "final_at": "1793000000000000 + n * 7100",
            "reason": "CASE WHEN n % 50 = 0 THEN 'the network refused it' ELSE '' END",
        }  # fmt: skip
        values = ", ".join(fresh.get(name, name) for name in columns)
        database.execute(
            "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?) "
            f"INSERT INTO messages ({', '.join(columns)}) SELECT {values} FROM counted, messages WHERE run_key = ?",
            (BIG_ROWS - 1, run.key),
        )
        database.execute("UPDATE messages SET state = 'delivered' WHERE run_key = ? AND state = 'ready'", (run.key,))
        database.execute("UPDATE runs SET rows = ? WHERE key = ?", (BIG_ROWS + BIG_ASIDE, run.key))
        database.execute("UPDATE waves SET size = ? WHERE run_key = ?", (BIG_ROWS, run.key))
        database.execute("UPDATE set_aside SET ordinal = ?, source_row = ?", (BIG_ROWS + 1, BIG_ROWS + 2))
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(set_aside)")]
        fresh = {
            "ordinal": "ordinal + n", "source_row": "source_row + n", "number": "'+4854' || printf('%07d', n)",
            "bucket": "CASE WHEN n % 3 = 0 THEN 'excluded' ELSE 'duplicate' END", "reason": "'left out'",
        }  # fmt: skip
        values = ", ".join(fresh.get(name, name) for name in columns)
        database.execute(
            "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?) "
            f"INSERT INTO set_aside ({', '.join(columns)}) SELECT {values} FROM counted, set_aside WHERE run_key = ?",
            (BIG_ASIDE - 1, run.key),
        )
        database.execute("DELETE FROM tallies WHERE run_key = ?", (run.key,))
        database.execute(
            "INSERT INTO tallies SELECT run_key, wave, state, count(*) FROM messages WHERE run_key = ? GROUP BY 1, 2, 3",
            (run.key,),
        )
        database.execute(
            "INSERT INTO tallies SELECT run_key, 0, bucket, count(*) FROM set_aside WHERE run_key = ? GROUP BY 1, 2, 3",
            (run.key,),
        )


def faulty_findings() -> tuple[Finding, ...]:
    """Findings whose every word is hostile."""
    return (Finding(f"campaigns/{EVIL[:200]}.yaml", 3, 7, EVIL, EVIL),)
