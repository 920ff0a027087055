"""What estimators of a task need: a module for each task, with the functions of `classification`.

A candidate calls `classes_of` and `encode` for y, `adapt` for an unfitted estimator and `predict`;
for a stream, `partial_fit_arguments` and `calibrate_prefit`; for boosting, `stopping_arguments`.
"""
