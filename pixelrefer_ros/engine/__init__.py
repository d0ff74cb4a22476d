"""Requests in, answers out: one worker thread, batched."""
