"""Rules on what a reader is told."""

from odapi_runner.workspace import Workspace
from support.rule_cases import Case, bend

READER = "train_input_reader"
WEIGHTS = f"{READER}.sample_from_datasets_weights"


def with_another_file(workspace: Workspace) -> None:
    """Two files to train on."""
    first = workspace.data / "kitti" / "train-00000-of-00001.record"
    first.with_name("train-more.record").write_bytes(first.read_bytes())


CASES = {
    "input-reader": Case(
        fails=bend("eval_input_reader[0].external_input_reader={}"),
        passes=bend("eval_input_reader[0].tf_record_input_reader.input_path=data/kitti/val-*"),
    ),
    "dataset-weights": Case(fails=bend(f"{WEIGHTS}=[1, 2]"), passes=bend(f"{WEIGHTS}=[2]")),
    "boxes-kept": Case(
        fails=bend(f"{READER}.max_number_of_boxes=-1"),
        passes=bend(f"{READER}.max_number_of_boxes=1"),
    ),
    "train-shuffle": Case(
        fails=bend(f"{READER}.shuffle=false"), passes=bend(f"{READER}.shuffle=true")
    ),
    "reading-sizes": Case(
        fails=bend(f"{READER}.num_readers=0"),
        passes=bend(f"{READER}.num_readers=1"),
        engine="tf-models",
    ),
    "shards-workers": Case(
        fails=bend(),
        passes=bend(files=with_another_file),
        engine="tf-models",
        options=(("workers", 2),),
    ),
}
