"""What leaves the ledger for other systems: the feed of advice, published to EventBridge and kept in DynamoDB."""
