"""OpenLineage: run events of Airflow, dbt, Dagster, Spark, Flink and all else that speaks it.

facts = ingest.begin()
map_event(read_event(decoded), facts)
"""
