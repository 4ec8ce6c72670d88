"""Every cause for which mmsflow refuses something or stops: its stable word, its exit code, and what it means.

``--json``, notices, the log and the metrics give the word; texts may change between versions, words do not. Pure data:
a cause is added with one line here, and a test names those that the code gives and this table lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What a word stands for.

    Attributes:
        exit_code: of a command that ends with it; where several are possible, the usual one.
        meaning: one sentence without a full stop.
    """

    exit_code: int
    meaning: str


OTHER = "other"
"""The label under which metrics count a word that is not in the table."""

CAUSES: Mapping[str, Cause] = {
    # 1: unforeseen, and what the machine refuses
    "error": Cause(1, "something failed that has no word of its own"),
    "unforeseen": Cause(1, "a fault of mmsflow itself; please report it"),
    "illegal_transition": Cause(1, "a fault of mmsflow itself: a message was moved against its life cycle"),
    "system": Cause(1, "the system refused something, such as room on a disk"),
    "output_not_written": Cause(1, "stdout could not be written, for example on a full disk"),
    "report_not_written": Cause(1, "nothing of the report could be written"),
    "report_incomplete": Cause(1, "one format of the report could not be written; the others are there"),
    "report_not_deleted": Cause(1, "a report could not be deleted, so the run's personal data stay"),
    "temporary_file": Cause(1, "the temporary file that holds a plan could not be kept"),
    "ledger": Cause(1, "the ledger cannot be used"),
    "ledger_unavailable": Cause(1, "the ledger cannot be read or written for now"),
    "ledger_not_opened": Cause(1, "the ledger's file or folder cannot be opened"),
    "ledger_damaged": Cause(1, "the ledger lacks something that belongs to it, or holds something else there"),
    "ledger_version": Cause(1, "another version of mmsflow wrote the ledger"),
    "ledger_of_other_user": Cause(1, "the ledger belongs to another user of this machine"),
    "not_a_ledger": Cause(1, "the file is a database of another program"),
    "lock_file_unusable": Cause(1, "the ledger's lock file cannot be made or locked"),
    "lease_lost": Cause(1, "another process has taken the run over"),
    "run_exists": Cause(1, "the scheduled time has its run already"),
    "journal_not_written": Cause(1, "the evidence journal cannot be written, and without it nothing is sent"),
    "ledger_vanished": Cause(1, "the ledger's file was removed or replaced while it was in use"),
    "ledger_in_use_elsewhere": Cause(1, "another copy of this ledger is being sent with"),
    "witness_unwritable": Cause(1, "the ledger's witness cannot be written, and without it nothing is sent"),
    "stop_file": Cause(1, "the file that stops all sending cannot be made or removed"),
    "suppression_list_not_written": Cause(1, "the suppression list cannot be written; nothing was added"),
    "marker_not_written": Cause(1, "the run's marker cannot be written, and without it nothing is sent"),
    "requests_folder_unusable": Cause(1, "the folder in which processes ask each other cannot be used"),
    "answer_unreadable": Cause(1, "the answer of the process that holds the ledger cannot be read"),
    "text_not_unicode": Cause(1, "a text is no valid Unicode, and cannot be kept"),
    # 2: usage and settings
    "usage": Cause(2, "a wrong option, argument or setting"),
    "setting": Cause(2, "an environment variable has a wrong value"),
    "no_workspace": Cause(2, "the folder is no workspace"),
    "no_gateway": Cause(2, "no gateway is named"),
    "no_credentials": Cause(2, "the gateway's credentials are not set"),
    "secret_unreadable": Cause(2, "a file that holds a secret cannot be read, or is empty"),
    "ca_file_unreadable": Cause(2, "the certificate authority's file cannot be read"),
    "ledger_address": Cause(2, "the setting `ledger` names no file that a ledger can be"),
    "nobody_to_ask": Cause(2, "a question is to be asked, and there is no terminal; `--yes` answers it"),
    "who_unknown": Cause(2, "nobody is named who does this"),
    "unknown_run": Cause(2, "there is no run of that name"),
    "unknown_campaign": Cause(2, "the daemon knows no such campaign file"),
    "run_of_other_account": Cause(2, "the run belongs to another account than the one in force"),
    "answer_not_kept": Cause(2, "what a person said about accounts cannot be kept in mmsflow.toml"),
    "number_unreadable": Cause(2, "a phone number cannot be read"),
    "no_suppression_list": Cause(2, "the setting `suppression` names no list"),
    "suppression_is_workbook": Cause(2, "the suppression list is a workbook, to which nothing is added from here"),
    "bad_number": Cause(2, "an entry is no phone number; nothing was added"),
    "bad_file": Cause(2, "a file of numbers cannot be read; nothing was added"),
    "no_handset": Cause(2, "no test handset is named"),
    "handset_suppressed": Cause(2, "a test handset is in the suppression list"),
    "not_maybe_sent": Cause(2, "no message of the run was maybe sent to that number"),
    "file_not_written": Cause(2, "a file that was asked for cannot be written"),
    "report_folder": Cause(2, "the report's folder cannot be made or written to"),
    "report_format": Cause(2, "there is no such report format"),
    "cannot_listen": Cause(2, "an address or port cannot be listened at"),
    "cap_outlives_data": Cause(2, "`retain` removes numbers earlier than `at_most` needs them"),
    # 3
    "invalid_input": Cause(3, "a campaign, list, template or medium is invalid"),
    # 4: the gateway refuses us
    "gateway_refused": Cause(4, "the gateway refuses us"),
    "credentials_refused": Cause(4, "the gateway refuses the credentials"),
    "gateway_address": Cause(4, "the gateway's address seems to be wrong"),
    "token_address": Cause(4, "the token address seems to be wrong"),
    "quota_refused": Cause(4, "the gateway does not let us ask for the quota"),
    "token_type": Cause(4, "the token endpoint gives tokens of a type that cannot be used"),
    "polling_refused": Cause(4, "the gateway does not let us ask for delivery reports"),
    # 5: the gateway is not available
    "gateway_unavailable": Cause(5, "the gateway does not answer, or not sensibly"),
    "gateway_unreachable": Cause(5, "the gateway could not be reached"),
    "gateway_out_of_order": Cause(5, "the gateway answered that it is out of order"),
    "quota_unreadable": Cause(5, "the gateway's answer about the quota holds no quota"),
    "token_unreachable": Cause(5, "the token endpoint could not be reached"),
    "token_out_of_order": Cause(5, "the token endpoint answered that it is out of order"),
    "token_unreadable": Cause(5, "the token endpoint's answer holds no usable token"),
    "status_unanswered": Cause(5, "the gateway gave no delivery status"),
    "notice_not_posted": Cause(5, "a webhook or mail server did not take a notice"),
    # 6: nothing is begun
    "plan_refused": Cause(6, "the plan cannot be carried out"),
    "request_refused": Cause(6, "the process that holds the ledger refused what it was asked for"),
    "declined": Cause(6, "a person was asked and said no"),
    "plan_stale": Cause(6, "the saved plan does not fit any more: campaign, lists, templates, media, time or quota"),
    "plan_of_other_account": Cause(6, "the saved plan was made for another account"),
    "other_account": Cause(6, "the campaign went out under another account, and nobody has said which that is"),
    "client_id_new": Cause(6, "the account has not been used with this client id: rotated, or another contract?"),
    "plan_changed": Cause(6, "the plan is another one than the one that was looked at"),
    "not_approved": Cause(6, "the campaign asks for approval, and nobody has approved this plan"),
    "inputs_changed": Cause(6, "files of an unfinished run have changed since it began"),
    "earlier_run_unfinished": Cause(6, "an earlier run of the campaign is not finished"),
    "same_file_unfinished": Cause(6, "the file has an unfinished run of the same messages under another campaign name"),
    "same_content_unfinished": Cause(
        6, "the same messages to the same people are in another campaign's unfinished run"
    ),
    "same_content_sent": Cause(6, "another campaign has sent the same messages since the scheduled time came"),
    "campaign_of_another_file": Cause(6, "the campaign's run was made from another file, which still has its name"),
    "sent_before": Cause(6, "the campaign has had its run"),
    "finished": Cause(6, "the campaign's run is finished"),
    "cancelled": Cause(6, "the run was cancelled"),
    "run_ended": Cause(6, "the run has ended: nothing of it can be sent any more"),
    "purged": Cause(6, "the run's personal data were removed"),
    "nothing_due": Cause(6, "no scheduled time of the campaign is due"),
    "not_due": Cause(6, "the campaign's scheduled time has not come yet, and the daemon begins it then"),
    "nothing_left": Cause(6, "the run has nothing left to send"),
    "nobody_left": Cause(6, "nobody is left to send to"),
    "more_than_max": Cause(6, "the plan has more messages than `--max` allows"),
    "quota_spent": Cause(6, "the quota leaves nothing for this campaign; a run waits for the next period"),
    "deadline_passed": Cause(6, "`schedule.not_after` has passed"),
    "window_never_opens": Cause(6, "the sending windows never open"),
    "disk_space": Cause(6, "there is not enough room on a disk for the run"),
    "ledger_behind_marker": Cause(6, "the ledger knows less than the campaign's marker says"),
    "ledger_restored": Cause(6, "the ledger is an older copy of one that went on sending"),
    "ledger_is_copy": Cause(6, "the ledger is a copy or was moved, and nothing shows that it is the newest"),
    "ledger_moved": Cause(6, "the ledger was closed by `backup --move`: it goes on elsewhere"),
    "ledger_mixed": Cause(6, "the ledger's rows do not belong together"),
    "ledger_replaced": Cause(6, "another ledger in this place has sent the campaign"),
    "run_lost": Cause(6, "a run of the campaign went out of which this ledger knows nothing"),
    "witness_lost": Cause(6, "the ledger's witness is gone"),
    "witness_unreadable": Cause(6, "the ledger's witness cannot be read"),
    "marker_unreadable": Cause(6, "the campaign's marker cannot be read"),
    "comes_to_rest": Cause(6, "the run has just stopped sending; ask again in a moment"),
    "holder_sends_no_tests": Cause(6, "the process that holds the ledger sends no tests"),
    "holder_carries_out_another": Cause(6, "the process that holds the ledger carries out another run"),
    "test_in_preparation": Cause(6, "the daemon prepares another test"),
    "daemon_stopping": Cause(6, "the daemon is stopping"),
    "daemon_ended": Cause(6, "the daemon ended before it answered"),
    "notice_not_settled_by_hand": Cause(6, "the notice is settled by what it asks for"),
    # 7: a run is not finished
    "run_unfinished": Cause(7, "the run is not finished"),
    "unsent": Cause(7, "the run has messages that are not sent yet"),
    "maybe_sent": Cause(7, "messages of the run were maybe sent"),
    "paused_by_person": Cause(7, "a person paused the run"),
    "breaker": Cause(7, "the run stopped itself, because going on would do harm"),
    "all_rejected": Cause(7, "the first messages were all refused"),
    "doubtful": Cause(7, "the fate of too large a share of the last messages is not known"),
    "shared_ids": Cause(7, "the gateway gave one id to several messages, so nobody can tell their fate"),
    "all_stopped": Cause(7, "a person has stopped all sending; a command that would begin ends with 6"),
    "attempts_spent": Cause(7, "a message failed as often as `retry.attempts` allows"),
    "canary_awaited": Cause(7, "the delivery reports of the first messages are awaited"),
    "canary_failed": Cause(7, "too few of the first messages were delivered"),
    "too_many_failed": Cause(7, "more messages failed than `stop_if.failed` allows"),
    "list_unreadable": Cause(7, "a suppression, opt-out or consent list cannot be read"),
    "window_closed": Cause(7, "the sending window is closed"),
    "account_shared": Cause(7, "other runs of the account go first"),
    "purge_hindered": Cause(7, "the run's personal data are still needed"),
    # 8
    "run_held": Cause(8, "another process holds the ledger"),
    "holder_does_not_answer": Cause(8, "the process that holds the ledger does not answer"),
    # 130
    "interrupted": Cause(130, "a signal stopped the process; every message's state is safe"),
}
"""By word, in the order of their exit codes."""
