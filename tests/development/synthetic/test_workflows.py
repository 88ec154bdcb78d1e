import pytest

from execution_monitor.development.synthetic.workflows import BY_NAME, CATALOGUE, NIGHTLY, StepShape, Workflow


def width_of(workflow: Workflow) -> int:
    """How many steps may run side by side because they wait for the same ones."""
    return max(sum(other.after == step.after for other in workflow.steps) for step in workflow.steps)


def test_every_name_is_used_once():
    assert len(BY_NAME) == len(CATALOGUE) >= 8


def test_every_workflow_is_started_by_a_trigger_or_a_workflow():
    called = {workflow.starts for workflow in CATALOGUE}

    assert all(w.popularity > 0 or w is NIGHTLY or w.name in called for w in CATALOGUE)


@pytest.mark.parametrize("workflow", CATALOGUE, ids=lambda workflow: workflow.name)
def test_steps_wait_only_for_steps_declared_before_them(workflow: Workflow):
    for position, step in enumerate(workflow.steps):
        assert set(step.after) <= {earlier.step_id for earlier in workflow.steps[:position]}


@pytest.mark.parametrize("workflow", CATALOGUE, ids=lambda workflow: workflow.name)
def test_step_ids_are_unique_in_a_workflow(workflow: Workflow):
    assert len({step.step_id for step in workflow.steps}) == len(workflow.steps)


@pytest.mark.parametrize("step", [step for workflow in CATALOGUE for step in workflow.steps], ids=lambda s: s.step_id)
def test_a_step_that_may_fail_says_how(step: StepShape):
    assert bool(step.failures) == (step.failure_rate > 0)
    # What is tried again must be able to fail in a way that is worth it.
    assert not step.retries or any(failure.retryable for failure in step.failures)


@pytest.mark.parametrize("workflow", CATALOGUE, ids=lambda workflow: workflow.name)
def test_only_ai_workflows_spend_tokens(workflow: Workflow):
    assert any(step.tokens for step in workflow.steps) == workflow.is_ai


@pytest.mark.parametrize("workflow", CATALOGUE, ids=lambda workflow: workflow.name)
def test_a_called_workflow_exists_and_calls_nothing_itself(workflow: Workflow):
    assert workflow.starts is None or BY_NAME[workflow.starts].starts is None


def test_there_is_a_workflow_of_one_step():
    assert len(BY_NAME["health-check"].steps) == 1


def test_there_is_a_chain():
    assert width_of(BY_NAME["daily-sales-etl"]) == 1


def test_there_is_a_fan_out_that_comes_together_again():
    images = BY_NAME["image-thumbnails"]

    assert width_of(images) == 8
    assert len(images.steps[-1].after) == 8


def test_there_is_a_diamond():
    snapshot, orders, support, merge, _ = BY_NAME["customer-360-refresh"].steps

    assert orders.after == support.after == (snapshot.step_id,)
    assert merge.after == (orders.step_id, support.step_id)


def test_there_is_a_matrix():
    assert width_of(BY_NAME["ci-pipeline"]) == 7


def test_there_is_one_that_waits_for_approval():
    assert sum(step.awaits_person for step in BY_NAME["contract-approval"].steps) == 2


def test_there_is_one_that_tries_again():
    assert max(step.retries for step in BY_NAME["churn-model-training"].steps) == 3
