"""The state store in production. Nothing of Google's is imported before the first operation."""

from __future__ import annotations

from shared.adapters.google.firestore.store import FirestoreStore

__all__ = ["FirestoreStore"]
