"""The verbs of mmsflow: check, preview, plan, run, poll, report, and the questions about history."""
