"""Two DAGs of Airflow: a retry, mapped tasks, a group, skipped tasks, and a run that triggers another, which fails."""

from datetime import timedelta

from airflow.exceptions import AirflowSkipException
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, get_current_context, task, task_group


@dag(schedule=None, tags=["shop"], catchup=False)
def shop_orders():
    @task
    def list_regions():
        return ["eu", "us", "asia"]

    @task
    def load(region):
        return len(region)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def charge_cards():
        if get_current_context()["ti"].try_number == 1:
            raise ConnectionError("the bank did not answer, password=hunter2")

    @task.branch
    def choose():
        return "express"

    @task_group
    def checks(loaded):
        @task
        def count(numbers):
            return sum(numbers)

        @task
        def find_complaints():
            raise AirflowSkipException("there are none")

        count(loaded)
        find_complaints()

    express = EmptyOperator(task_id="express")
    standard = BashOperator(task_id="standard", bash_command="echo standard")
    report = TriggerDagRunOperator(
        task_id="report",
        trigger_dag_id="shop_report",
        wait_for_completion=True,
        poke_interval=1,
        trigger_rule="none_failed",
    )
    tell = BashOperator(task_id="tell", bash_command="echo done", trigger_rule="all_done")

    choose() >> [express, standard] >> report
    [charge_cards(), checks(load.expand(region=list_regions()))] >> report >> tell


@dag(schedule=None, tags=["shop"], catchup=False)
def shop_report():
    @task
    def write():
        raise ValueError("no printer is connected")

    write()


shop_orders()
shop_report()
