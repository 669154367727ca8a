"""Where the files of a project are, relative to its root. `dvc.yaml` names the same paths; a test compares them."""

from pathlib import Path

PARAMS = Path("params.yaml")

RAW = Path("data/raw")  # the unpacked photos and annotations
SPLIT = RAW / "split.csv"  # which photos the archive itself holds out, if that is kept
CENSUS = Path("data/census.csv")  # one row per photo
COMPLAINTS = Path("data/complaints.csv")  # the photos with complaints, and what these are
VERDICT = Path("data/verdict.json")  # whether the photos passed validation
CROPS = Path("data/crops")

GENERATOR = Path("models/generator.keras")
TRANSLATOR = Path("models/translator.keras")
TRANSLATION_PIPELINE = Path("translation/dvc.yaml")  # of the optional stage translate

REPORTS = Path("reports")
VALIDATION = REPORTS / "validation.json"
VALIDATION_PAGE = REPORTS / "validation.html"
CONTACT_SHEET = REPORTS / "crops.png"  # some crops of every breed
CROP_FACTS = REPORTS / "crops.json"  # how many crops there are, and what was skipped
HISTORY = REPORTS / "history.csv"  # losses and scores during training
SAMPLES = REPORTS / "samples"  # pictures drawn during training
FINAL_SAMPLES = SAMPLES / "final.png"  # of the kept generator
TRAINING_FILM = REPORTS / "training.gif"
TRAINING_FACTS = REPORTS / "training.json"
METRICS = REPORTS / "metrics.json"
BREED_SCORES = REPORTS / "breeds.csv"
SCORES_PAGE = REPORTS / "scores.html"
TRANSLATION = REPORTS / "translation"  # of the optional stage translate
TRANSLATION_HISTORY = TRANSLATION / HISTORY.name
TRANSLATION_METRICS = TRANSLATION / METRICS.name
TRANSLATION_FACTS = TRANSLATION / TRAINING_FACTS.name
TRANSLATION_SAMPLES = TRANSLATION / SAMPLES.name
TRANSLATION_FILM = TRANSLATION / TRAINING_FILM.name
TRANSLATION_PAGE = TRANSLATION / "translation.html"

RUNS = Path("runs")  # scratch: all of it can be deleted
DATA_DOCS = RUNS / "data_docs"  # Great Expectations' pages
TENSORBOARD = RUNS / "tensorboard"
CHECKPOINTS = RUNS / "checkpoints"
FEATURES = RUNS / "features"  # the cache of extracted features
