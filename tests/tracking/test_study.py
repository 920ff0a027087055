"""A study written into MLflow, looked at through MLflow's own client."""

from __future__ import annotations

from dlrun.tracking.study import StudyRun


def test_a(store, facts, write_study):
    with StudyRun(store, facts) as study:
        write_study(study)
    parent = store.client.get_run(study.id)
    print(parent.info, parent.data, parent.inputs, parent.outputs)
    for child in store.client.search_runs([store.experiment_id], f"tags.`mlflow.parentRunId`='{study.id}'"):
        print(child.info, child.data, child.inputs, child.outputs)
        print([a.path for a in store.client.list_artifacts(child.info.run_id)])
    print([a.path for a in store.client.list_artifacts(study.id)])
    from dlrun.tracking.read import find_study, load_model_folder
    s = find_study(store)
    print(s, s.trials.T.to_string(), s.read_predictions("net"))
    print(load_model_folder(store, None))
    print(load_model_folder(store, study.id[:5], "dummy"))
    print(load_model_folder(store, child.info.run_id[:8]))
    print(find_study(store, child.info.run_id[:8]).id)
