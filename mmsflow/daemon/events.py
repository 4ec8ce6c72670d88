"""The events that the daemon's log holds: each name with its level and what it means."""

from __future__ import annotations

from collections.abc import Mapping

from mmsflow.mms.status import MessageState

EVENTS: Mapping[str, tuple[str, str]] = {
    "daemon_waiting": ("info", "another process holds the ledger; with `--wait` it is tried every second"),
    "daemon_started": ("info", "the ledger is taken, the account and the workspace are named"),
    "daemon_ready": ("info", "files are watched, times are kept, the web page answers"),
    "daemon_stopping": ("info", "nothing more is begun; the runs whose requests are settled are named"),
    "daemon_stopped": ("info", "everything is settled and written; the last line of a graceful stop"),
    "files_reread": ("info", "SIGHUP: all files are looked at again"),
    "file_good": ("info", "a campaign file has a new version, which is in force"),
    "file_faulty": ("warning", "a campaign file, or what it names, is wrong; the last good version stays in force"),
    "campaign_gone": ("warning", "a campaign file was removed; its times are not kept any more"),
    "occurrence_skipped": ("warning", "a scheduled time gets no run: its code and reason"),
    "sending_stopped": ("warning", "a person has stopped all sending: who, why and since when"),
    "sending_start_asked": ("info", "a person lets sending go on, from the web page: who"),
    "secret_read_anew": ("info", "the file of a secret, `setting`, holds another one, which is used from now on"),
    "sending_started": ("info", "all sending may go on: what was stopped does"),
    "occurrence_hindered": ("warning", "a scheduled time has come and something is in the way; it is tried again"),
    "plan_made": ("info", "a campaign was planned at its time"),
    "account_answered": ("info", "a person said whether accounts are the same one, on the web page: who, and what"),
    "plan_approved": ("info", "a person said yes to a plan: who, and its digest"),
    "run_frozen": ("info", "a run and its messages are in the ledger; nothing was sent yet"),
    "run_begun_by_hand": ("info", "a person began a run from the web page"),
    "test_begun": ("info", "a person sends a message to test handsets, whose numbers are masked"),
    "run_started": ("info", "a run is carried out from now on, or gone on with"),
    "run_sent": ("info", "all messages of a run have left; delivery reports are followed"),
    "run_paused": ("warning", "a run has come to rest with messages unsent: by what, and why"),
    "run_finished": ("info", "a run is finished: its state and its buckets"),
    "run_left_alone": ("warning", "an unfinished run needs a person before it goes on"),
    "run_purged": ("info", "the personal data of an old run were removed, as `retain` says"),
    "request": ("info", "somebody asked for something from the page or another terminal, and the answer"),
    "notice": ("info", "people are told of something; it goes out by the channels that are set"),
    "notice_not_sent": ("warning", "a notice did not go out by one of its channels; it is tried again for a day"),
    "notice_seen": ("info", "a person has put a notice away, on the web page"),
    "error": ("error", "something failed: at what, why, and what to do; of an unforeseen one its kind and place"),
    "message_sending": ("debug", "the intent to send a message is durable"),
    "message_ready": ("debug", "a message goes back to be sent: its request provably never left"),
    "message_accepted": ("debug", "the gateway took a message"),
    "message_delivered": ("debug", "the handset has it"),
    "message_not_sent": ("debug", "cancelled, or its time passed; the run's own line gives the number"),
    "message_learned": ("debug", "something was learned of a message that moves nothing"),
    "message_suppressed": ("info", "the recipient refuses by now, or has had enough"),
    "message_expired": ("info", "no handset fetched it in time"),
    "message_undetermined": ("info", "the network gave no answer until the polling deadline"),
    "message_failed": ("warning", "the network or the handset refused it"),
    "message_rejected": ("warning", "the gateway refused it: its code and text"),
    "message_maybe_sent": ("warning", "the request left and its fate is not known; a person decides"),
    "library": ("warning", "what a library says, warnings and errors only, with the library's name"),
}
"""By name; what is not in it is logged as ``info``."""

_NAMES = {MessageState.UNKNOWN: "message_maybe_sent", MessageState.ACCEPTED_NOID: "message_maybe_sent"}


def level_of(event: str) -> str:
    """``debug``, ``info``, ``warning`` or ``error``."""
    return EVENTS[event][0] if event in EVENTS else "info"


def message_event(old: str, new: str) -> str:
    """The event of one step of a message from state to state."""
    return "message_learned" if old == new else _NAMES.get(MessageState(new), f"message_{new}")
