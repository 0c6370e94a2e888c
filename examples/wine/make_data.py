"""Makes `data/wine.csv` from the table that scikit-learn ships: `python make_data.py`."""

from pathlib import Path

from sklearn.datasets import load_wine


def main():
    wine = load_wine(as_frame=True)
    table = wine.frame.rename(columns={"target": "cultivar", "od280/od315_of_diluted_wines": "od280_od315"})
    # Names, as a label usually has; scikit-learn numbers them.
    table["cultivar"] = [f"cultivar_{'abc'[number]}" for number in table["cultivar"]]
    target = Path(__file__).resolve().parent / "data" / "wine.csv"
    target.parent.mkdir(exist_ok=True)
    table.to_csv(target, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
