"""Looks inside a model while it answers: attention, object tokens, and how alike they are."""
