"""A seeded simulation of the real delivery code: one seed, one story of crashes, faults and decisions.

The sender, the poller, the ledger and the gateway client are the real ones. Simulated are time, the event loop, the
disk below SQLite, the wire below the client, and the gateway with its own record of what it received.
"""
