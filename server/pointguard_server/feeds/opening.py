"""Publishers as the settings ask for them. For ``bootstrap``."""

from pointguard_server.engine.engine import Engine
from pointguard_server.engine.ports import Clock
from pointguard_server.feeds.aws import AwsClient
from pointguard_server.feeds.dynamodb import DynamoDb
from pointguard_server.feeds.eventbridge import EventBridge
from pointguard_server.feeds.publisher import Publisher
from pointguard_server.feeds.publishing import Publishing
from pointguard_server.feeds.schema import Text
from pointguard_server.feeds.target import Target
from pointguard_server.service.advice_feed import AdviceFeed
from pointguard_server.service.ports import NoticeReader, Publications


async def open_publishers(
    settings: Publishing,
    tenant_id: int,
    tenant: str,
    *,
    feed: AdviceFeed,
    reader: NoticeReader,
    engine: Engine,
    publications: Publications,
    text: Text,
    clock: Clock,
) -> list[Publisher]:
    """Return a publisher for each target, which has its cursor and does nothing yet.

    Raises:
        ValueError: if the settings do not suffice for a target.
    """
    targets: list[tuple[AwsClient, Target]] = []
    if settings.bus:
        aws = AwsClient("events", settings.region, settings.endpoint)
        targets.append((aws, EventBridge(aws, settings.bus, tenant, text)))
    if settings.table:
        aws = AwsClient("dynamodb", settings.region, settings.endpoint)
        targets.append((aws, DynamoDb(aws, settings.table, tenant_id, tenant, reader, text, clock)))
    publishers = []
    for aws, target in targets:
        await aws.open()
        publisher = Publisher(target, feed, engine, publications, tenant_id, clock)
        await publisher.open()
        publishers.append(publisher)
    return publishers
