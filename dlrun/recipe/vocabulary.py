"""The names that a recipe may use, and what people used to other tools call them."""

from typing import Final

from dlrun.catalog.columns import COLUMN_KINDS

COLUMN_TYPES: Final = tuple(COLUMN_KINDS)

ARCHITECTURES: Final = {
    "mlp": "fully connected layers over the joined columns",
    "tabm": "an ensemble of networks that share their layers (numbers, categories, dates)",
    "ft_transformer": "a transformer over columns (numbers, categories, dates)",
    "layers": "any keras.layers, listed in the recipe",
    "text_cnn": "convolutions over the words of a text, the strongest answer of each filter",
    "rnn": "recurrent layers (lstm, gru, simple) over a text, a sound or a series",
    "transformer": "encoder blocks over a text, a sound, a series or patches of an image",
    "fcn": "three convolutions over a series or a sound, averaged over its length",
    "inception_time": "modules of convolutions of several sizes over a series",
    "cnn": "convolutional blocks over an image, a sound or a series",
    "resnet": "residual blocks over an image or a sound",
}
PLANNED_ARCHITECTURES: Final = ("pretrained",)
PLANNED_KEYS: Final = ("search",)


OPTIMIZERS: Final = (
    "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lamb", "lion",
    "muon", "nadam", "rmsprop", "sgd",
)  # fmt: skip
ACTIVATIONS: Final = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip
SCHEDULES: Final = ("constant", "cosine", "exponential", "plateau")

# What other tools and habits call a key: the right one, as a dotted path from the top.
HABITS: Final = {
    "backend": "execution.engine",
    "batchsize": "training.batch_size",
    "classes_weight": "training.class_weight",
    "cv": "evaluation.folds",
    "dataset": "data",
    "early_stop": "training.early_stopping",
    "epoch": "training.epochs",
    "experiment_name": "tracking.experiment",
    "file": "data.source",
    "gradient_clipping": "training.clip_norm",
    "hidden_dims": "model.hidden",
    "hidden_layers": "model.hidden",
    "hidden_sizes": "model.hidden",
    "hidden_units": "model.hidden",
    "hyperopt": "search",
    "ignore": "data.exclude",
    "ignore_features": "data.exclude",
    "input_features": "data.features",
    "inputs": "data.features",
    "k_folds": "evaluation.folds",
    "kfold": "evaluation.folds",
    "label": "data.target",
    "label_column": "data.target",
    "lr": "training.learning_rate",
    "lr_schedule": "training.learning_rate.schedule",
    "max_epochs": "training.epochs",
    "metric": "evaluation.metrics",
    "metrics": "evaluation.metrics",
    "mixed_precision": "training.precision",
    "models": "model",
    "monitor": "training.early_stopping.monitor",
    "n_epochs": "training.epochs",
    "n_folds": "evaluation.folds",
    "n_splits": "evaluation.folds",
    "num_epochs": "training.epochs",
    "num_folds": "evaluation.folds",
    "objective": "training.loss",
    "optim": "training.optimizer",
    "output_features": "data.target",
    "path": "data.source",
    "patience": "training.early_stopping.patience",
    "problem_type": "task",
    "random_seed": "seed",
    "random_state": "seed",
    "session_id": "seed",
    "splits": "data.split",
    "steps": "training.epochs",
    "target_col": "data.target",
    "target_column": "data.target",
    "test_size": "data.split.test",
    "train_size": "data.split.test",
    "trainer": "training",
    "type": "model.architecture",
    "url": "data.source",
    "val_size": "data.split.validation",
    "val_split": "data.split.validation",
    "validation_size": "data.split.validation",
    "validation_split": "data.split.validation",
    "warmup": "training.learning_rate.warmup",
    "weight_decay": "training.optimizer.weight_decay",
    "weights": "training.class_weight",
    "y": "data.target",
}

# What people call a value: the name that dlrun knows it by.
VALUE_HABITS: Final = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "catboost": "hist_gradient_boosting",
    "cross_entropy": "sparse_categorical_crossentropy",
    "f1_macro": "f1",
    "f1_score": "f1",
    "gbm": "hist_gradient_boosting",
    "gradient_boosting": "hist_gradient_boosting",
    "lgbm": "lightgbm",
    "logistic": "logistic_regression",
    "logloss": "log_loss",
    "logreg": "logistic_regression",
    "mse": "rmse",
    "nearest_neighbors": "knn",
    "nn": "mlp",
    "dnn": "mlp",
    "dense": "mlp",
    "rf": "random_forest",
    "svc": "svm",
    "svr": "svm",
    "xgb": "xgboost",
}
