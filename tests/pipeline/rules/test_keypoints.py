"""Rules on the keypoints of a CenterNet."""

from support.rule_cases import Case, bend

TASK = "model.center_net.keypoint_estimation_task[0].keypoint_class_name"
PATH = "model.center_net.keypoint_label_map_path"
READ = tuple(
    f"{reader}.num_keypoints=2" for reader in ("train_input_reader", "eval_input_reader[0]")
)
FLIP = "train_config.data_augmentation_options[0].random_horizontal_flip"
PERMUTED = f"{FLIP}.keypoint_flip_permutation=[0, 1]"
NO_RECORDS = (("records", False),)  # those of the base have no keypoints

CASES = {
    "keypoint-map": Case(
        fails=bend(*READ, PERMUTED, deletes=(PATH,)),
        passes=bend(*READ, PERMUTED),
        model="keypoints",
        options=NO_RECORDS,
    ),
    "keypoint-class": Case(
        fails=bend(*READ, PERMUTED, f"{TASK}=pedestrian"),
        passes=bend(*READ, PERMUTED, f"{TASK}=Pedestrian"),
        model="keypoints",
        options=NO_RECORDS,
    ),
    "keypoint-flip": Case(fails=bend(*READ), passes=bend(*READ, PERMUTED), options=NO_RECORDS),
}
