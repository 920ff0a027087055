"""What each column adds to the output of a fitted estimator, by the estimator's own structure.

`methods` chooses between the modules `coefficients`, `tree_shap` and `shap`, named after rows of
the catalog. Each has `suits`, which says whether it explains an estimator, and `contribute`.
"""
