"""The classes of keras.layers for a list of layers, and its checks without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from dlrun.recipe.vocabulary import ACTIVATIONS
from dlrun.system.text import suggest

# Layers of one tensor in and one out; those with the same arguments share a line, and "!" marks
# an argument that must be given. A test compares the table with the installed Keras.
_TABLE: Final[dict[str, str]] = {
    "Activation": "activation!",
    "ActivityRegularization": "l1 l2",
    (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
        "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D"
    ): "output_size! data_format",
    "AlphaDropout Dropout": "rate! noise_shape seed",
    "AugMix": (
        "value_range num_chains chain_depth factor alpha all_ops interpolation seed data_format"
    ),
    "AutoContrast": "value_range",
    (
        "AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D"
    ): "pool_size! strides padding data_format",
    "BatchNormalization": (
        "axis momentum epsilon center scale beta_initializer gamma_initializer "
        "moving_mean_initializer moving_variance_initializer beta_regularizer gamma_regularizer "
        "beta_constraint gamma_constraint renorm renorm_clipping renorm_momentum synchronized"
    ),
    "Bidirectional": "layer! merge_mode",
    "CenterCrop": "height! width! data_format",
    "ContrastLimitedAdaptiveHistogramEqualization": (
        "value_range clip_limit tile_grid_size data_format"
    ),
    ("Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D"): (
        "filters! kernel_size! strides padding data_format dilation_rate groups activation "
        "use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer "
        "activity_regularizer kernel_constraint bias_constraint"
    ),
    ("Conv1DTranspose Conv2DTranspose Convolution1DTranspose Convolution2DTranspose"): (
        "filters! kernel_size! strides padding output_padding data_format dilation_rate "
        "activation use_bias kernel_initializer bias_initializer kernel_regularizer "
        "bias_regularizer activity_regularizer kernel_constraint bias_constraint"
    ),
    "Conv3DTranspose Convolution3DTranspose": (
        "filters! kernel_size! strides padding data_format output_padding dilation_rate "
        "activation use_bias kernel_initializer bias_initializer kernel_regularizer "
        "bias_regularizer activity_regularizer kernel_constraint bias_constraint"
    ),
    "ConvLSTM1D ConvLSTM2D ConvLSTM3D": (
        "filters! kernel_size! strides padding data_format dilation_rate activation "
        "recurrent_activation use_bias kernel_initializer recurrent_initializer bias_initializer "
        "unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer "
        "activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
        "recurrent_dropout seed return_sequences go_backwards stateful"
    ),
    "Cropping1D": "cropping",
    "Cropping2D Cropping3D": "cropping data_format",
    "Dense": (
        "units! activation use_bias kernel_initializer bias_initializer kernel_regularizer "
        "bias_regularizer activity_regularizer kernel_constraint bias_constraint"
    ),
    "DepthwiseConv1D DepthwiseConv2D": (
        "kernel_size! strides padding depth_multiplier data_format dilation_rate activation "
        "use_bias depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer "
        "activity_regularizer depthwise_constraint bias_constraint"
    ),
    "ELU": "alpha",
    "EinsumDense": (
        "equation! output_shape! activation bias_axes kernel_initializer bias_initializer "
        "kernel_regularizer bias_regularizer kernel_constraint bias_constraint"
    ),
    "Embedding": (
        "input_dim! output_dim! embeddings_initializer embeddings_regularizer "
        "embeddings_constraint mask_zero"
    ),
    "Equalization": "value_range bins data_format",
    "Flatten": "data_format",
    "GRU": (
        "units! activation recurrent_activation use_bias kernel_initializer recurrent_initializer "
        "bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer "
        "activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
        "recurrent_dropout seed return_sequences go_backwards stateful unroll reset_after "
        "use_cudnn"
    ),
    "GaussianDropout SpatialDropout1D": "rate! seed",
    "GaussianNoise": "stddev! seed",
    (
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D "
        "GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D "
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"
    ): "data_format keepdims",
    "GroupNormalization": (
        "groups axis epsilon center scale beta_initializer gamma_initializer beta_regularizer "
        "gamma_regularizer beta_constraint gamma_constraint"
    ),
    "Identity": "",
    "LSTM": (
        "units! activation recurrent_activation use_bias kernel_initializer recurrent_initializer "
        "bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer "
        "bias_regularizer activity_regularizer kernel_constraint recurrent_constraint "
        "bias_constraint dropout recurrent_dropout seed return_sequences go_backwards stateful "
        "unroll use_cudnn"
    ),
    "LayerNormalization": (
        "axis epsilon center scale beta_initializer gamma_initializer beta_regularizer "
        "gamma_regularizer beta_constraint gamma_constraint"
    ),
    "LeakyReLU": "negative_slope",
    "Masking": "mask_value",
    (
        "MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D"
    ): "pool_size strides padding data_format",
    "MelSpectrogram": (
        "fft_length sequence_stride sequence_length window sampling_rate num_mel_bins min_freq "
        "max_freq power_to_db top_db mag_exp min_power ref_power"
    ),
    "Normalization": "axis mean variance invert",
    "PReLU": ("alpha_initializer alpha_regularizer alpha_constraint shared_axes"),
    "Permute": "dims!",
    "RMSNormalization": "axis epsilon",
    "RandAugment": "value_range num_ops factor interpolation seed data_format",
    "RandomBrightness RandomContrast": "factor! value_range seed",
    (
        "RandomColorDegeneration RandomHue RandomPosterization RandomSaturation RandomSharpness"
    ): "factor! value_range data_format seed",
    "RandomColorJitter": (
        "value_range brightness_factor contrast_factor saturation_factor hue_factor seed "
        "data_format"
    ),
    "RandomCrop": "height! width! seed data_format",
    "RandomElasticTransform": (
        "factor scale interpolation fill_mode fill_value value_range seed data_format"
    ),
    "RandomErasing": "factor scale fill_value value_range seed data_format",
    "RandomFlip": "mode seed data_format",
    "RandomGaussianBlur": "factor kernel_size sigma value_range data_format seed",
    "RandomGrayscale": "factor data_format seed",
    "RandomInvert": "factor value_range seed data_format",
    "RandomPerspective": "factor scale interpolation fill_value seed data_format",
    "RandomRotation": "factor! fill_mode interpolation seed fill_value data_format",
    "RandomShear": ("x_factor y_factor interpolation fill_mode fill_value data_format seed"),
    "RandomTranslation": (
        "height_factor! width_factor! fill_mode interpolation seed fill_value data_format"
    ),
    "RandomZoom": (
        "height_factor! width_factor fill_mode interpolation seed fill_value data_format"
    ),
    "ReLU": "max_value negative_slope threshold",
    "RepeatVector": "n!",
    "Rescaling": "scale! offset",
    "Reshape": "target_shape!",
    "Resizing": (
        "height! width! interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode "
        "fill_value antialias data_format"
    ),
    "STFTSpectrogram": (
        "mode frame_length frame_step fft_length window periodic scaling padding expand_dims "
        "data_format"
    ),
    ("SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D"): (
        "filters! kernel_size! strides padding data_format dilation_rate depth_multiplier "
        "activation use_bias depthwise_initializer pointwise_initializer bias_initializer "
        "depthwise_regularizer pointwise_regularizer bias_regularizer activity_regularizer "
        "depthwise_constraint pointwise_constraint bias_constraint"
    ),
    "SimpleRNN": (
        "units! activation use_bias kernel_initializer recurrent_initializer bias_initializer "
        "kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout "
        "return_sequences go_backwards stateful unroll seed"
    ),
    "Softmax UnitNormalization": "axis",
    "Solarization": "addition_factor threshold_factor value_range seed",
    "SpatialDropout2D SpatialDropout3D": "rate! data_format seed",
    "SpectralNormalization": "layer! power_iterations",
    "TimeDistributed": "layer!",
    "UpSampling1D": "size",
    "UpSampling2D": "size data_format interpolation",
    "UpSampling3D": "size data_format",
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D": "padding data_format",
}

LAYERS: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(arguments.replace("!", "").split())
    for names, arguments in _TABLE.items()
    for name in names.split()
}
"""Layer name → its constructor's arguments, in their order."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(word.rstrip("!") for word in arguments.split() if word.endswith("!"))
    for names, arguments in _TABLE.items()
    for name in names.split()
}
"""Layer name → the arguments without a default."""


def parse_layer(layer: object) -> tuple[str, dict[str, object]]:
    """Part an item of a list of layers into the layer's name and its arguments by name.

    `Flatten`, `Dense: 64` (one plain value is the first argument) and `Dense: {units: 64}` are
    the forms.

    Raises:
        ValueError: the item has another form.
    """
    if isinstance(layer, str):
        return layer, {}
    if not isinstance(layer, Mapping) or len(layer) != 1:
        message = (
            f"{layer!r} is not a layer. Write its name, or one mapping of its name to its "
            "arguments, such as `Dense: {units: 64}`"
        )
        raise ValueError(message)
    ((name, value),) = layer.items()
    if value is None:
        return str(name), {}
    if isinstance(value, Mapping):
        return str(name), {str(key): argument for key, argument in value.items()}
    first = LAYERS.get(str(name), ())[:1]
    if str(name) in LAYERS and not first:
        message = f"{name} takes no arguments, but was given {value!r}. Write `{name}` alone"
        raise ValueError(message)
    return str(name), dict.fromkeys(first, value)


def check_layers(layers: list[object]) -> None:
    """Check the names and the argument names of a list of layers, counted from 1.

    Raises:
        ValueError: some are wrong; one line for each fault.
    """
    faults = [
        f"layer {number}: {fault}"
        for number, layer in enumerate(layers, start=1)
        for fault in _faults(layer)
    ]
    if faults:
        raise ValueError("\n".join(faults))


def _faults(layer: object) -> Iterator[str]:
    try:
        name, arguments = parse_layer(layer)
    except ValueError as error:
        yield str(error)
        return
    if name not in LAYERS:
        allowed = "the classes of keras.layers that turn one tensor into one"
        yield f"{name} is not a layer. {suggest(name, LAYERS, allowed)}"
        return
    for argument in REQUIRED[name]:
        if argument not in arguments:
            yield f"{name} needs {argument}"
    for argument, value in arguments.items():
        yield from _argument_faults(name, argument, value)


def _argument_faults(name: str, argument: str, value: object) -> Iterator[str]:
    if argument not in LAYERS[name]:
        yield f"{argument} is not an argument of {name}. {suggest(argument, LAYERS[name])}"
    elif argument == "layer":
        yield from (f"{name}: {fault}" for fault in _faults(value))
    elif argument.endswith("activation") and isinstance(value, str) and value not in ACTIVATIONS:
        yield f"{name}: {value!r} is not a Keras activation. {suggest(value, ACTIVATIONS)}"
