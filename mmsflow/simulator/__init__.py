"""A gateway to install, demonstrate and test against: it plays the operator's server, and keeps its own record.

    wire.py, multipart.py   what the document allows in a request, and nothing else
    refusal.py              the operator's error model
    quota.py                periods, reset dates, the hidden consumer
    fate.py                 what becomes of an accepted message, and when
    state.py, schema.py     the record: tokens, quota, messages, counters (SQLite)
    faults.py, breakage.py  faults on request: which, and how they are carried out
    gateway.py              the four calls of the API
    introspection.py        /_simulator/…: what "handsets" got
    app.py, serve.py        the ASGI application, and the same over a real port
    config.py, presets.py   everything that can be set, and named mixes of it

It shares no code with the gateway client, so that one misreading of the document cannot pass on both sides.
"""
