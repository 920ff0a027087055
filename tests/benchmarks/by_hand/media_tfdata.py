"""What a careful user writes with tf.data: decode or split in threads, shuffle, batch, prefetch."""

import sys
import time

import keras
import nets
import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

kind, file, n_train, n_validation, epochs, batch_size = sys.argv[1:]
n_train, n_validation = int(n_train), int(n_validation)
epochs, batch_size = int(epochs), int(batch_size)
keras.utils.set_random_seed(0)
SIDE, TOKENS, LENGTH = 224, 20_000, 128


def column(table):
    """Return the encoded images or the texts of a table."""
    cells = table.column(kind).combine_chunks()
    return (cells.field("bytes") if kind == "image" else cells).to_numpy(zero_copy_only=False)


def groups():
    """Yield row groups in random order."""
    opened = pq.ParquetFile(file)
    for number in np.random.default_rng().permutation(opened.num_row_groups):
        table = opened.read_row_group(number)
        label = np.char.lstrip(table.column("label").to_numpy().astype(str), "c").astype(np.int32)
        yield column(table), label


def decode(content, label):
    """Decode an image, which has the right size."""
    image = tf.io.decode_jpeg(content, channels=3)
    image.set_shape((SIDE, SIDE, 3))
    return image, label


signature = (tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int32))
rows = tf.data.Dataset.from_generator(groups, output_signature=signature)
if kind == "image":
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 58, offset=-2.2)(inputs)
    body = nets.picture({"image": scaled})
    rows = rows.unbatch().shuffle(4096).map(decode, tf.data.AUTOTUNE)
    train = rows.take(n_train).batch(batch_size).prefetch(tf.data.AUTOTUNE)
else:
    vectorize = keras.layers.TextVectorization(TOKENS, output_sequence_length=LENGTH)
    first = pq.ParquetFile(file).read_row_group(0)
    vectorize.adapt(tf.data.Dataset.from_tensor_slices(column(first)).batch(1024))
    inputs = keras.Input((LENGTH,), dtype="int64")
    body = nets.bag({"text": inputs})
    rows = rows.unbatch().shuffle(2**16)
    train = rows.take(n_train).batch(batch_size)
    train = train.map(lambda text, label: (vectorize(text), label), tf.data.AUTOTUNE)
    train = train.prefetch(tf.data.AUTOTUNE)
model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(body))
model.compile(keras.optimizers.AdamW(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
held = train.unbatch().take(n_validation).batch(n_validation).get_single_element()


class Told(keras.callbacks.Callback):
    """Print the rows per second of every epoch, and its CPU time in µs per row."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.began, self.used = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        """Stop it."""
        print(f"epoch {epoch + 1} {n_train / (time.perf_counter() - self.began):.1f}", flush=True)
        used = time.process_time() - self.used
        print(f"cpu {epoch + 1} {1e6 * used / n_train:.3f}", flush=True)


model.fit(train, epochs=epochs, validation_data=held, verbose=0, callbacks=[Told()])
accuracy = model.evaluate(*held, batch_size=256, verbose=0)[1]
print(f"accuracy {accuracy:.3f}", flush=True)
