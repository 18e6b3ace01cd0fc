"""The policies of a folder, for the command line: functions read one file, and no bundle carries this."""

from __future__ import annotations

from shared.adapters.config.policy_folder import load_policies

__all__ = ["load_policies"]
