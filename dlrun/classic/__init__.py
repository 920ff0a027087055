"""The scikit-learn side: features, estimators and the classic candidate."""
