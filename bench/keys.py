"""Answer keys of the closed-form data sets, and the numpy that makes them.

    python keys.py [NAME…]     compute the keys from the closed form and compare with the frozen ones
    python keys.py --freeze    write the computed ones to keys.json

The keys are computed from the generator's formula, never from a store and never by an engine. All sums are of
multiples of a power of two and exact in double.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from datasets import SPECS, Spec

__all__ = ["KEYS", "compute"]


def visible(spec: Spec, name: str, stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(values in double, valid) of stored values."""
    valid = np.ones(stored.shape, bool)
    if spec.mask_every:
        valid = stored != -32768
    if np.dtype(spec.fields[name].dtype).kind == "i":
        return stored / 64 + spec.fields[name].base, valid
    return stored.astype("float64"), valid


def compute(name: str) -> dict:
    """Facts of every variable of a data set: count, sum, min, max, and sums over the standard selections."""
    spec = SPECS[name]
    coordinates = spec.coordinates(spec)
    units = {"hours": "h", "days": "D"}[coordinates["time"][1]["units"].split()[0]]
    reference = coordinates["time"][1]["units"].split(" since ")[1].split()[0]
    times = np.datetime64(reference, units) + coordinates["time"][0].astype(f"m8[{units}]")
    months = times.astype("M8[M]").astype(int) % 12 + 1
    lat, lon = coordinates["lat"][0], coordinates["lon"][0]
    box = np.ix_((lat >= 25) & (lat <= 50), (lon >= 235) & (lon <= 290))
    june = (times >= np.datetime64("2000-06-01")) & (times <= np.datetime64("2000-06-04T12:00"))
    out: dict = {"rows": spec.rows}
    for variable in spec.fields:
        facts = dict.fromkeys(("count", "sum", "min", "max", "above", "sum_above", "july_rows", "july_sum", "june_rows",
                               "june_sum", "box_rows", "box_sum"), 0)
        facts["min"], facts["max"] = np.inf, -np.inf
        threshold = {"s1": 250, "s6": 250}.get(name.split("_")[0], 265)
        if variable == "humidity":
            threshold -= 220
        for first, stored in spec.blocks(variable, max(1, min(48, spec.shape[0]))):
            values, valid = visible(spec, variable, stored)
            here = slice(first, first + len(values))
            known = np.where(valid, values, 0)
            facts["count"] += int(valid.sum())
            facts["sum"] += float(known.sum())
            facts["min"] = min(facts["min"], float(values[valid].min()))
            facts["max"] = max(facts["max"], float(values[valid].max()))
            above = valid & (values > threshold)
            facts["above"] += int(above.sum())
            facts["sum_above"] += float(known[above].sum())
            for label, chosen in (("july", months[here] == 7), ("june", june[here])):
                facts[f"{label}_rows"] += int(chosen.sum()) * values[0].size
                facts[f"{label}_sum"] += float(known[chosen].sum())
            boxed = known[(..., *box)]
            facts["box_rows"] += boxed.size
            facts["box_sum"] += float(boxed.sum())
        out[variable] = facts
    return out


FROZEN = Path(__file__).with_name("keys.json")
KEYS: dict[str, dict] = json.loads(FROZEN.read_text())


def as_text(keys: dict[str, dict]) -> str:
    """JSON with one variable a line."""
    sets = []
    for name, key in keys.items():
        facts = ",\n".join(f"    {json.dumps(part)}: {json.dumps(value)}" for part, value in key.items())
        sets.append(f"  {json.dumps(name)}: {{\n{facts}\n  }}")
    return "{\n" + ",\n".join(sets) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    computed = {name: compute(name) for name in options.names or KEYS}
    wrong = [name for name, key in computed.items() if key != KEYS.get(name)]
    if options.freeze:
        FROZEN.write_text(as_text({**KEYS, **computed}))
    for name in wrong:
        print(f"{name}: computed {computed[name]}\n   frozen {KEYS.get(name)}")
    print(f"{len(computed)} data sets, {len(wrong)} differ from the frozen keys", file=sys.stderr)
    return 1 if wrong and not options.freeze else 0


if __name__ == "__main__":
    sys.exit(main())
