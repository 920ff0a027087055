"""Studies in MLflow: written, read, pushed, served, shown. The only room that imports mlflow."""
