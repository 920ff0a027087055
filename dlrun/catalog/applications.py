"""The networks of keras.applications: how pixels enter them, and where their weights are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

PixelScaling = Literal["none", "tf", "torch", "caffe", "efficientnet"]
"""How pixels of 0 to 255 are scaled before they enter, as Keras calls it; none: the network does
it itself. EfficientNetB scales them itself too, but only where Keras downloads its weights."""

ROOM: Final = "tensorflow/keras-applications"
TOP: Final = "_weights_tf_dim_ordering_tf_kernels_notop.h5"


@dataclass(frozen=True)
class Application:
    """A network trained on ImageNet, without the layer of its classes.

    Attributes:
        function: of keras.applications, which builds it.
        width: of the vector that it makes of an image.
        n_weights: the number of its weights.
        scaling: of the pixels.
        file: with its weights, at storage.googleapis.com.
        digest: of the file, MD5 or SHA-256, as Keras knows it.
    """

    function: str
    width: int
    n_weights: int
    scaling: PixelScaling
    file: str
    digest: str

    @property
    def name(self) -> str:
        """Return its name in a recipe, behind `keras:`."""
        return self.function.lower()


def _family(
    folder: str, suffix: str, scaling: PixelScaling, *rows: tuple[str, str, int, int, str]
) -> Iterator[Application]:
    for function, stem, width, n_weights, digest in rows:
        file = f"{folder}/{stem}{suffix}"
        yield Application(function, width, n_weights, scaling, file, digest)


_ROWS: Final = (
    *_family(
        f"{ROOM}/resnet", TOP, "caffe",
        ("ResNet50", "resnet50", 2048, 23_587_712, "4d473c1dd8becc155b73f8504c6f6626"),
        ("ResNet101", "resnet101", 2048, 42_658_176, "88cf7a10940856eca736dc7b7e228a21"),
        ("ResNet152", "resnet152", 2048, 58_370_944, "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    ),
    *_family(
        f"{ROOM}/resnet", TOP, "tf",
        ("ResNet50V2", "resnet50v2", 2048, 23_564_800, "fac2f116257151a9d068a22e544a4917"),
        ("ResNet101V2", "resnet101v2", 2048, 42_626_560, "c0ed64b8031c3730f411d2eb4eea35b5"),
        ("ResNet152V2", "resnet152v2", 2048, 58_331_648, "ed17cf2e0169df9d443503ef94b23b33"),
    ),
    *_family(
        f"{ROOM}/densenet", TOP, "torch",
        ("DenseNet121", "densenet121", 1024, 7_037_504, "30ee3e1110167f948a6b9946edeeb738"),
    ),
    *_family(
        f"{ROOM}/vgg16", TOP, "caffe",
        ("VGG16", "vgg16", 512, 14_714_688, "6d6bbae143d832006294945121d1f1fc"),
    ),
    *_family(
        f"{ROOM}/inception_v3", TOP, "tf",
        ("InceptionV3", "inception_v3", 2048, 21_802_784, "bcbd6486424b2319ff4ef7d526e38f63"),
    ),
    *_family(
        f"{ROOM}/xception", TOP, "tf",
        ("Xception", "xception", 2048, 20_861_480, "b0042744bf5b25fce3cb969f33bebb97"),
    ),
    *_family(
        f"{ROOM}/mobilenet_v3", "_224_1.0_float_no_top_v2.h5", "none",
        ("MobileNetV3Small", "weights_mobilenet_v3_small", 576, 939_120,
         "d3e8ec802a04aa4fc771ee12a9a9b836"),
        ("MobileNetV3Large", "weights_mobilenet_v3_large", 960, 2_996_352,
         "07fb09a5933dd0c8eaafa16978110389"),
    ),
    *_family(
        "keras-applications", "_notop.h5", "efficientnet",
        ("EfficientNetB0", "efficientnetb0", 1280, 4_049_571, "50bc09e76180e00e4465e1a485ddc09d"),
        ("EfficientNetB1", "efficientnetb1", 1280, 6_575_239, "74c4e6b3e1f6a1eea24c589628592432"),
        ("EfficientNetB2", "efficientnetb2", 1408, 7_768_569, "111f8e2ac8aa800a7a99e3239f7bfb39"),
        ("EfficientNetB3", "efficientnetb3", 1536, 10_783_535, "af6d107764bb5b1abb91932881670226"),
        ("EfficientNetB4", "efficientnetb4", 1792, 17_673_823, "ebc24e6d6c33eaebbd558eafbeedf1ba"),
        ("EfficientNetB5", "efficientnetb5", 2048, 28_513_527, "38879255a25d3c92d5e44e04ae6cec6f"),
        ("EfficientNetB6", "efficientnetb6", 2304, 40_960_143, "9ecce42647a20130c1f39a5d4cb75743"),
        ("EfficientNetB7", "efficientnetb7", 2560, 64_097_687, "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    ),
    *_family(
        f"{ROOM}/efficientnet_v2", "_notop.h5", "none",
        ("EfficientNetV2B0", "efficientnetv2-b0", 1280, 5_919_312,
         "893217f2bb855e2983157299931e43ff"),
        ("EfficientNetV2B1", "efficientnetv2-b1", 1280, 6_931_124,
         "0e80663031ca32d657f9caa404b6ec37"),
        ("EfficientNetV2B2", "efficientnetv2-b2", 1408, 8_769_374,
         "1dfe2e7a5d45b6632553a8961ea609eb"),
        ("EfficientNetV2B3", "efficientnetv2-b3", 1536, 12_930_622,
         "f6abf7b5849ac99a89b50dd3fd532856"),
        ("EfficientNetV2S", "efficientnetv2-s", 1280, 20_331_360,
         "af0682fb74e8c54910f2d4393339c070"),
        ("EfficientNetV2M", "efficientnetv2-m", 1280, 53_150_388,
         "1b8dc055df72dde80d614482840fe342"),
        ("EfficientNetV2L", "efficientnetv2-l", 1280, 117_746_848,
         "b0b66b5c863aef5b46e8608fe1711615"),
    ),
    *_family(
        f"{ROOM}/convnext", "_notop.h5", "none",
        ("ConvNeXtTiny", "convnext_tiny", 768, 27_820_128,
         "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
        ("ConvNeXtSmall", "convnext_small", 768, 49_454_688,
         "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
        ("ConvNeXtBase", "convnext_base", 1024, 87_566_464,
         "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"),
        ("ConvNeXtLarge", "convnext_large", 1536, 196_230_336,
         "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"),
    ),
)  # fmt: skip

APPLICATIONS: Final = {row.name: row for row in _ROWS}


def find_application(name: str) -> Application | None:
    """Return the network of a name, in any case and with any marks between its parts.

    >>> find_application("EfficientNet_V2-B0").function
    'EfficientNetV2B0'
    """
    return APPLICATIONS.get(_plain(name))


def application_of(file: str) -> Application | None:
    """Return the network whose name a file's name begins with, as those that Keras saves do.

    >>> application_of("efficientnetv2-b0_notop.h5").function
    'EfficientNetV2B0'
    >>> application_of("my_weights.h5")
    """
    plain = _plain(file).removeprefix("weights")
    names = [name for name in APPLICATIONS if plain.startswith(name)]
    return APPLICATIONS[max(names, key=len)] if names else None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
