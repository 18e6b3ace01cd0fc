"""Prints what the bands make of a season: `python -m tests.anomalies --seeds 20`."""

from __future__ import annotations

import argparse

from tests.anomalies.replay import replay
from tests.anomalies.season import What


def main() -> None:
    """Print one line for each kind of value and one for both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="so many seasons")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first")
    parser.add_argument("--days", type=int, default=None, help="only so many dates with games of each")
    asked = parser.parse_args()
    tallies = replay(range(asked.first, asked.first + asked.seeds), asked.days)
    for what in What:
        tally = tallies[what]
        print(
            f"{what.value}: recall {tally.recall:.3f} ({tally.told} of {tally.faults} faults of 2 x and more; "
            f"{tally.injected_told} of {tally.injected} injected), {tally.false_alarms_a_month:.2f} false alarms a "
            f"month, {tally.doubled} of {tally.false_alarms} of nights that really were twice or half"
        )
    both = sum(tally.false_alarms_a_month for tally in tallies.values())
    alarms, faults = sum(t.told for t in tallies.values()), sum(t.faults for t in tallies.values())
    print(f"both: recall {alarms / faults:.3f}, {both:.2f} false alarms a month")


if __name__ == "__main__":
    main()
