"""Makes `data/diabetes.csv` from the table that scikit-learn ships: `python make_data.py`."""

from pathlib import Path

from sklearn.datasets import load_diabetes

# scikit-learn's names for the serum measurements, and what its description says they are.
NAMES = {
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "blood_sugar",
    "target": "progression",
}


def main():
    table = load_diabetes(as_frame=True, scaled=False).frame.rename(columns=NAMES)
    for name in ("age", "sex", "progression"):
        table[name] = table[name].astype(int)
    target = Path(__file__).resolve().parent / "data" / "diabetes.csv"
    target.parent.mkdir(exist_ok=True)
    table.to_csv(target, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
