"""The conformance kit: what a till relies on, as tables, tried against a server or a gateway over the wire.

``tables`` reads the scenarios, ``phrases`` understands what their steps say. ``wire`` sends, and has the wire fail by
``relay``; ``columns`` are one way to send, ``outcome`` is what comes back. ``expectations`` compares, ``aftermath``
checks what holds after every scenario, ``power_cuts`` has all wait for one. ``performance`` plays a scenario and
``run`` all, ``target`` looks at who is asked, ``report`` tells. Of the product it needs the contract
(`pointguard.v1`) and the client's way to a server. For the command `conformance` and for tests.
"""
