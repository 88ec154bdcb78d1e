"""A code location of Dagster: mapped ops, a retry, an op that is skipped, assets, and a job that fails."""

import dagster
from reporting import sensor


@dagster.op(out=dagster.DynamicOut())
def list_regions():
    for region in ("eu", "us"):
        yield dagster.DynamicOutput(region, mapping_key=region)


@dagster.op
def load(region):
    return len(region)


@dagster.op(retry_policy=dagster.RetryPolicy(max_retries=1))
def charge_cards(context):
    if context.retry_number == 0:
        raise ConnectionError("the bank did not answer")


@dagster.op(out=dagster.Out(is_required=False))
def find_complaints():
    yield from ()


@dagster.op
def answer(complaints):
    return complaints


@dagster.job
def shop_orders():
    list_regions().map(load)
    charge_cards()
    answer(find_complaints())


@dagster.op(out=dagster.Out(dagster.Nothing))
def count_stock():
    raise ValueError("the shelf password=hunter2 is locked")


@dagster.op(ins={"counted": dagster.In(dagster.Nothing)})
def order_more():
    pass


@dagster.job
def shop_stock():
    order_more(count_stock())


@dagster.asset
def customers():
    return 3


@dagster.asset
def invoices(customers):
    return customers


definitions = dagster.Definitions(
    assets=[customers, invoices],
    jobs=[shop_orders, shop_stock, dagster.define_asset_job("shop_assets", [customers, invoices])],
    sensors=[sensor],
    # In one process: each op in a process of its own would take seconds to start.
    executor=dagster.in_process_executor,
)
