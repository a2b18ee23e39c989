"""What the Object Detection API computes for five models, as literals.

Config, weights and inputs can be rebuilt anywhere (`support.ssd_configs`, `support.numerics`);
these are the figures of the Object Detection API (TF2, 2022, on TensorFlow 2.20 and tf_keras),
eight digits of each: training figures with the batch's statistics, without augmentation and
without stochastic depth.
"""

from __future__ import annotations

from dataclasses import dataclass

Row = tuple[float, ...]


@dataclass(frozen=True)
class Figures:
    """The figures of one model."""

    size: int  # of the inputs' sides
    variables: int  # how many the checkpoint has
    anchors: tuple[int, ...]  # where codes and logits stand here
    codes: tuple[Row, ...]  # of the first image
    logits: tuple[Row, ...]  # of the second image
    norms: Row  # of the feature maps
    train_norms: Row  # the same in training mode
    matches: tuple[tuple[int, ...], ...]  # of each image, how many anchors each box has
    first_matches: tuple[tuple[int, ...], ...]  # of each image, the first anchors that have one
    code_sums: Row  # of each image, the sum of the magnitudes of the target codes
    losses: Row  # localization, classification, regularization, total
    gradient_norm: float  # of all variables together
    gradients: dict[str, float]  # norms of some of them
    trajectory: Row  # the total losses before each of five steps
    scores: Row  # of the first image's best detections
    classes: tuple[int, ...]
    boxes: tuple[Row, ...]


CLASS_HEADS = "_box_predictor/_prediction_heads/class_predictions_with_background"
FIGURES = {
    "efficientdet_d0": Figures(
        size=256,
        variables=683,
        anchors=(0, 1111, 4321, 9215, 9216, 11519, 11520, 12095, 12275),
        codes=(
            (0.13260254, -0.080320664, -0.010637716, 0.016687009),
            (-0.042421803, -0.073566847, -0.027143847, 0.0084194485),
            (-0.017386697, 0.00042726099, -0.052095652, -0.11747764),
            (0.046805926, -0.11541454, -0.011658786, 0.018014271),
            (0.11841314, -0.042556241, -0.02959536, 0.0035258606),
            (0.034505233, -0.078804687, 0.027495047, 0.022416707),
            (0.14374983, -0.082665808, -0.060178384, 0.024634339),
            (0.031459406, -0.069967762, 0.0088130683, -0.0082594529),
            (0.050389737, -0.038707018, 0.015719712, 0.014234619),
        ),
        logits=(
            (-0.048889689, 0.014201282, 0.038125217),
            (-0.043753177, 0.085747153, -0.017968984),
            (-0.0037681423, -0.018414754, -0.020124923),
            (0.001553054, -0.0028511286, 0.029494062),
            (0.0067891143, -0.016331745, 0.0204865),
            (0.00015555788, 0.029250339, -0.0035891812),
            (0.020981247, -0.03440205, -0.0027495199),
            (0.047048111, 0.019160796, 0.01741033),
            (-0.037031889, -0.037916843, 0.0057980232),
        ),
        norms=(40.521362, 18.934416, 8.9164362, 3.4136219, 2.1838403),
        train_norms=(315.19543, 181.11548, 88.926765, 45.875664, 22.290695),
        matches=((36, 32), (32, 28, 30)),
        first_matches=((9695, 9704, 9830, 9836, 9839, 9842), (6383, 6392, 6668, 6671, 6677, 6680)),
        code_sums=(317.20795, 419.50284),
        losses=(0.79200059, 112.05008, 0.18913926, 113.03122),
        gradient_norm=149.9632,
        gradients={
            "_feature_extractor/_bifpn_stage/node_post_combine_block/14/2/beta": 81.519676,
            "_feature_extractor/_bifpn_stage/node_post_combine_block/19/2/beta": 81.086365,
            "_feature_extractor/_efficientnet/layer_with_weights-118/kernel": 1.0258626,
            "_feature_extractor/_efficientnet/layer_with_weights-23/gamma": 0.17768849,
            "_feature_extractor/_efficientnet/layer_with_weights-115/gamma": 0.03302509,
        },
        trajectory=(113.03122, 113.0087, 112.94337, 112.81656, 112.61121),
        scores=(0.54507524, 0.54468334, 0.54411221, 0.54389787),
        classes=(2, 2, 2, 2),
        boxes=(
            (0.067736745, 0.0, 0.24209833, 0.27112433),
            (0.81771934, 0.0, 0.99232841, 0.27017993),
            (0.69276696, 0.0, 0.86717826, 0.27045316),
            (0.13028714, 0.0, 0.30464497, 0.27099115),
        ),
    ),
    "ssd_mobilenet_v1_fpn": Figures(
        size=256,
        variables=333,
        anchors=(0, 1363, 2727, 4091, 5455, 6819, 8183),
        codes=(
            (0.077381626, -0.019137662, -0.040994979, 0.094562255),
            (-0.034244679, -0.11035596, -0.14049588, -0.056028582),
            (-0.01947378, 0.11165474, -0.078113899, 0.031481314),
            (-0.063869692, -0.086176559, -0.0067380592, 0.051665246),
            (-0.030721799, -0.089655206, -0.14656708, -0.06391637),
            (-0.11000761, 0.12784785, -0.0016636662, 0.010159943),
            (-0.08000008, -0.038668402, -0.065848783, -0.026380742),
        ),
        logits=(
            (0.037426513, 0.010815178, -0.024172245, 0.01523266),
            (0.056765132, 0.0071253213, -0.023727678, -0.005798731),
            (0.035251275, -0.036904275, -0.11922891, 0.062070843),
            (-0.0064113885, -0.099352002, 0.02513694, 0.054446287),
            (0.07276573, 0.010862699, -0.050189272, -0.0081160627),
            (0.053925261, 0.034806788, -0.045400932, 0.029362157),
            (0.021798147, -0.15190883, -0.073345289, -0.005805023),
        ),
        norms=(88.203957, 36.286526, 15.330496, 7.9268456, 3.1090705),
        train_norms=(509.2251, 259.35196, 128.51431, 65.041611, 31.989698),
        matches=((24, 17), (17, 32, 16)),
        first_matches=((6559, 6561, 6565, 6567, 6653, 6655), (6397, 6399, 6403, 6405, 6409, 6411)),
        code_sums=(208.02452, 315.55701),
        losses=(0.92958546, 120.02831, 0.29525328, 121.25315),
        gradient_norm=987.74177,
        gradients={
            f"{CLASS_HEADS}/_class_predictor_layers/0/kernel": 642.45544,
            "_feature_extractor/classification_backbone/layer_with_weights-0/kernel": 359.08249,
            "_feature_extractor/_fpn_features_generator/conv_layers/0/0/kernel": 31.014128,
            "_feature_extractor/_fpn_features_generator/residual_blocks/0/0/kernel": 10.345366,
            "_feature_extractor/_fpn_features_generator/conv_layers/1/1/beta": 0.48438695,
        },
        trajectory=(121.25315, 120.32635, 118.03374, 114.46748, 109.72398),
        scores=(0.54533631, 0.54298115, 0.54228866, 0.54216141),
        classes=(1, 1, 1, 1),
        boxes=(
            (0.73859715, 0.79554844, 1.0, 1.0),
            (0.6136269, 0.79689467, 0.95160109, 1.0),
            (0.1764798, 0.79683459, 0.51386976, 1.0),
            (0.48895556, 0.79686099, 0.82644242, 1.0),
        ),
    ),
    "ssd_mobilenet_v2": Figures(
        size=300,
        variables=324,
        anchors=(0, 319, 638, 958, 1277, 1596, 1916),
        codes=(
            (0.14757118, -0.21351881, -0.11987391, -0.061858281),
            (-0.53150111, 0.32310995, -0.13429718, -0.15862009),
            (0.059304409, 0.70306146, -0.4636077, -0.025735959),
            (-0.50994629, 0.31080261, -0.10246691, -0.18195774),
            (0.17558335, -0.35873538, -0.1044362, 0.19496369),
            (0.1733802, -0.65548605, 0.23882174, 0.32022783),
            (-0.17470518, 0.045471672, 0.086036317, -0.012497321),
        ),
        logits=(
            (-0.085384846, 0.071478263, 0.13717437, -0.20108697),
            (0.19071989, -0.53221643, -0.42488104, -0.039362483),
            (0.14304852, 0.61133635, -0.11443868, -0.13321306),
            (0.19895191, -0.55259371, -0.38506299, 0.01211042),
            (-0.2884489, -0.12839998, -0.22417541, 0.10060018),
            (0.11794859, -0.0014063083, -0.11128786, 0.41497657),
            (-0.14878082, -0.0056883637, 0.10960566, 0.12251012),
        ),
        norms=(175.59987, 86.982368, 16.605135, 4.9460664, 2.971487, 1.2155848),
        train_norms=(459.37512, 359.65518, 114.60345, 48.339115, 32.180534, 10.430532),
        matches=((18, 8), (18, 8, 7)),
        first_matches=((1221, 1222, 1226, 1232, 1280, 1281), (806, 809, 1179, 1180, 1182, 1184)),
        code_sums=(111.73811, 145.532),
        losses=(0.87826371, 14.971846, 0.38066137, 16.23077),
        gradient_norm=144.70009,
        gradients={
            "_feature_extractor/classification_backbone/layer_with_weights-0/kernel": 60.024319,
            "_feature_extractor/classification_backbone/layer_with_weights-10/kernel": 56.839695,
            "_feature_extractor/classification_backbone/layer_with_weights-70/kernel": 8.557169,
            f"{CLASS_HEADS}/0/_class_predictor_layers/0/bias": 3.3395817,
            "_feature_extractor/classification_backbone/layer_with_weights-51/gamma": 0.57385767,
        },
        trajectory=(16.23077, 16.215658, 16.177645, 16.106892, 16.009756),
        scores=(0.66133976, 0.6591987, 0.65846771, 0.65798402),
        classes=(0, 0, 0, 0),
        boxes=(
            (0.0, 0.80682188, 0.21604769, 0.94783038),
            (0.0, 0.75403923, 0.2157511, 0.89492577),
            (0.0, 0.12270158, 0.21579519, 0.26382765),
            (0.21251696, 0.80922693, 0.47198808, 0.94701725),
        ),
    ),
    "ssd_mobilenet_v2_fpnlite": Figures(
        size=320,
        variables=384,
        anchors=(0, 2133, 4267, 6401, 8535, 10669, 12803),
        codes=(
            (0.060949944, 0.032751992, -0.02509864, 0.082254201),
            (0.010656767, 0.078023531, 0.018168803, -0.094733462),
            (-0.079321153, -0.040117804, -0.13623689, -0.13461265),
            (-0.11639223, -0.097341187, -0.055557325, -0.0769196),
            (0.037414901, 0.087744705, 0.0055531822, -0.061785012),
            (-0.046759162, -0.017324375, -0.10469345, -0.086186811),
            (-0.032090008, -0.024877101, -0.020988492, -0.00938081),
        ),
        logits=(
            (0.073080882, 0.065756597, 0.03031867, -0.12321728),
            (0.085423402, 0.051552854, 0.11091499, -0.033169851),
            (0.015493467, -0.013625835, -0.013035275, 0.069333702),
            (0.091126263, -0.090215847, -0.19418478, 0.023645803),
            (0.09282586, 0.069652751, 0.10249928, -0.016597234),
            (-0.07589905, 0.0046703336, -0.013954081, 0.01313542),
            (0.080249831, -0.13849205, -0.099687472, -0.013013467),
        ),
        norms=(166.97124, 98.985764, 29.00806, 9.5292902, 4.2627716),
        train_norms=(452.7821, 228.17746, 116.0131, 57.007946, 34.383312),
        matches=((24, 22), (22, 27, 18)),
        first_matches=(
            (12083, 12138, 12139, 12140, 12142, 12143),
            (10039, 10041, 10045, 10047, 10051, 10053),
        ),
        code_sums=(220.96689, 297.65796),
        losses=(0.84625113, 183.94728, 0.36894733, 185.16248),
        gradient_norm=436.28718,
        gradients={
            f"{CLASS_HEADS}/_class_predictor_layers/0/pointwise_kernel": 215.30811,
            "_feature_extractor/classification_backbone/layer_with_weights-0/kernel": 163.88757,
            "_feature_extractor/classification_backbone/layer_with_weights-3/beta": 20.087057,
            "_feature_extractor/classification_backbone/layer_with_weights-94/kernel": 8.4311819,
            "_feature_extractor/classification_backbone/layer_with_weights-57/gamma": 1.1059791,
        },
        trajectory=(185.16248, 184.97748, 184.49298, 183.71136, 182.64658),
        scores=(0.56626767, 0.56575644, 0.56538874, 0.5652582),
        classes=(1, 1, 1, 1),
        boxes=(
            (0.28982252, 0.91280025, 0.38876754, 1.0),
            (0.86474496, 0.91290575, 0.96374565, 1.0),
            (0.039705332, 0.9129346, 0.13906443, 1.0),
            (0.71469206, 0.91300005, 0.81392437, 1.0),
        ),
    ),
    "ssd_resnet50_v1_fpn": Figures(
        size=256,
        variables=463,
        anchors=(0, 1363, 2727, 4091, 5455, 6819, 8183),
        codes=(
            (-0.035328396, -0.044864044, -0.14746626, 0.2037113),
            (0.8048923, -0.18032813, -1.0124936, 0.34125623),
            (-0.18109794, -0.090017103, -0.34918627, 0.81708837),
            (-0.061288886, 0.46226168, -0.84621948, 0.25089949),
            (0.80505115, -0.08970128, -0.88113391, 0.41003609),
            (-0.15611027, -0.41157138, 0.64501679, 0.5373199),
            (-0.07181339, -0.028191969, -0.11457728, -0.026315592),
        ),
        logits=(
            (-0.070613749, -0.2469026, -0.51136625, 0.35289007),
            (0.35684064, 0.35645151, -0.4427743, 0.4805086),
            (0.19082399, -1.0122024, -1.2284251, 0.64664412),
            (0.092212439, 0.35416216, 0.1414575, 0.95330077),
            (0.42221132, 0.46753106, -0.37830836, 0.63713884),
            (0.39174706, 0.047020346, -0.61088479, 0.42244929),
            (0.057391826, -0.10673087, -0.13182941, 0.051655553),
        ),
        norms=(1760.226, 899.9201, 415.26031, 152.07777, 50.4758),
        train_norms=(508.96198, 259.24008, 282.06622, 64.787575, 31.958979),
        matches=((24, 17), (17, 32, 16)),
        first_matches=((6559, 6561, 6565, 6567, 6653, 6655), (6397, 6399, 6403, 6405, 6409, 6411)),
        code_sums=(208.02452, 315.55701),
        losses=(0.89269811, 119.66034, 6.0892696, 126.64231),
        gradient_norm=1973.6114,
        gradients={
            "_feature_extractor/classification_backbone/layer_with_weights-0/kernel": 1027.6024,
            "_feature_extractor/classification_backbone/layer_with_weights-4/kernel": 839.42719,
            "_feature_extractor/classification_backbone/layer_with_weights-68/kernel": 44.864567,
            "_feature_extractor/classification_backbone/layer_with_weights-13/beta": 16.553247,
            "_feature_extractor/classification_backbone/layer_with_weights-59/beta": 1.6351213,
        },
        trajectory=(126.64231, 124.39267, 121.73566, 118.61986, 114.55162),
        scores=(0.781564, 0.77933383, 0.77306074, 0.76834667),
        classes=(2, 2, 2, 2),
        boxes=(
            (0.6241852, 0.0, 0.86051548, 0.22280665),
            (0.55744934, 0.0, 0.79333043, 0.21686143),
            (0.91203803, 0.037142247, 1.0, 0.19776985),
            (0.53926754, 0.11065923, 0.74753797, 0.24201822),
        ),
    ),
}
