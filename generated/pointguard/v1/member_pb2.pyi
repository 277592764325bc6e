import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pointguard.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_STATUS_UNSPECIFIED: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_ACTIVE: _ClassVar[AccountStatus]
    ACCOUNT_STATUS_SUSPENDED: _ClassVar[AccountStatus]
ACCOUNT_STATUS_UNSPECIFIED: AccountStatus
ACCOUNT_STATUS_ACTIVE: AccountStatus
ACCOUNT_STATUS_SUSPENDED: AccountStatus

class Profile(_message.Message):
    __slots__ = ("given_name", "family_name", "province", "birth_date")
    GIVEN_NAME_FIELD_NUMBER: _ClassVar[int]
    FAMILY_NAME_FIELD_NUMBER: _ClassVar[int]
    PROVINCE_FIELD_NUMBER: _ClassVar[int]
    BIRTH_DATE_FIELD_NUMBER: _ClassVar[int]
    given_name: str
    family_name: str
    province: str
    birth_date: str
    def __init__(self, given_name: _Optional[str] = ..., family_name: _Optional[str] = ..., province: _Optional[str] = ..., birth_date: _Optional[str] = ...) -> None: ...

class EnrollMemberRequest(_message.Message):
    __slots__ = ("idempotency_key", "identifiers", "profile", "tier", "groups")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    identifiers: _containers.RepeatedCompositeFieldContainer[_common_pb2.MemberReference]
    profile: Profile
    tier: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, idempotency_key: _Optional[str] = ..., identifiers: _Optional[_Iterable[_Union[_common_pb2.MemberReference, _Mapping]]] = ..., profile: _Optional[_Union[Profile, _Mapping]] = ..., tier: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class EnrollMemberResponse(_message.Message):
    __slots__ = ("transaction_id", "member_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    MEMBER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    member_id: int
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., member_id: _Optional[int] = ..., account_id: _Optional[int] = ...) -> None: ...

class FindMemberRequest(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: _common_pb2.MemberReference
    def __init__(self, member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ...) -> None: ...

class FindMemberResponse(_message.Message):
    __slots__ = ("member_id", "account_id", "identifiers", "profile", "enrolled_at", "tier", "groups")
    MEMBER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ENROLLED_AT_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    member_id: int
    account_id: int
    identifiers: _containers.RepeatedCompositeFieldContainer[_common_pb2.MemberReference]
    profile: Profile
    enrolled_at: _timestamp_pb2.Timestamp
    tier: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, member_id: _Optional[int] = ..., account_id: _Optional[int] = ..., identifiers: _Optional[_Iterable[_Union[_common_pb2.MemberReference, _Mapping]]] = ..., profile: _Optional[_Union[Profile, _Mapping]] = ..., enrolled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tier: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class MemberGroups(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, groups: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateMemberRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "tier", "groups", "origin", "birth_date")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    BIRTH_DATE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    tier: str
    groups: MemberGroups
    origin: _common_pb2.Origin
    birth_date: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., tier: _Optional[str] = ..., groups: _Optional[_Union[MemberGroups, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., birth_date: _Optional[str] = ...) -> None: ...

class UpdateMemberResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ...) -> None: ...

class AddToGroupRequest(_message.Message):
    __slots__ = ("idempotency_key", "group", "members", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    group: str
    members: _containers.RepeatedCompositeFieldContainer[_common_pb2.MemberReference]
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., group: _Optional[str] = ..., members: _Optional[_Iterable[_Union[_common_pb2.MemberReference, _Mapping]]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class GroupChange(_message.Message):
    __slots__ = ("transaction_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ...) -> None: ...

class AddToGroupResponse(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[GroupChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[GroupChange, _Mapping]]] = ...) -> None: ...

class RemoveFromGroupRequest(_message.Message):
    __slots__ = ("idempotency_key", "group", "members", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    group: str
    members: _containers.RepeatedCompositeFieldContainer[_common_pb2.MemberReference]
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., group: _Optional[str] = ..., members: _Optional[_Iterable[_Union[_common_pb2.MemberReference, _Mapping]]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class RemoveFromGroupResponse(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[GroupChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[GroupChange, _Mapping]]] = ...) -> None: ...

class ListGroupMembersRequest(_message.Message):
    __slots__ = ("group", "page_size", "page_token")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    group: str
    page_size: int
    page_token: str
    def __init__(self, group: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListGroupMembersResponse(_message.Message):
    __slots__ = ("account_ids", "next_page_token")
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    account_ids: _containers.RepeatedScalarFieldContainer[int]
    next_page_token: str
    def __init__(self, account_ids: _Optional[_Iterable[int]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class LinkIdentifierRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "identifier", "origin")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    identifier: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., identifier: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ...) -> None: ...

class LinkIdentifierResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ...) -> None: ...

class ReplaceCardRequest(_message.Message):
    __slots__ = ("idempotency_key", "card", "replacement", "origin")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    card: _common_pb2.MemberReference
    replacement: _common_pb2.MemberReference
    origin: _common_pb2.Origin
    def __init__(self, idempotency_key: _Optional[str] = ..., card: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., replacement: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ...) -> None: ...

class ReplaceCardResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ...) -> None: ...

class SetRedemptionLockRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "locked", "origin", "agent_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    locked: bool
    origin: _common_pb2.Origin
    agent_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., locked: _Optional[bool] = ..., origin: _Optional[_Union[_common_pb2.Origin, _Mapping]] = ..., agent_id: _Optional[str] = ...) -> None: ...

class SetRedemptionLockResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id", "locked")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    locked: bool
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., locked: _Optional[bool] = ...) -> None: ...

class SetAccountStatusRequest(_message.Message):
    __slots__ = ("idempotency_key", "member", "status", "intervention")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INTERVENTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    member: _common_pb2.MemberReference
    status: AccountStatus
    intervention: _common_pb2.Intervention
    def __init__(self, idempotency_key: _Optional[str] = ..., member: _Optional[_Union[_common_pb2.MemberReference, _Mapping]] = ..., status: _Optional[_Union[AccountStatus, str]] = ..., intervention: _Optional[_Union[_common_pb2.Intervention, _Mapping]] = ...) -> None: ...

class SetAccountStatusResponse(_message.Message):
    __slots__ = ("transaction_id", "account_id", "status")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    account_id: int
    status: AccountStatus
    def __init__(self, transaction_id: _Optional[str] = ..., account_id: _Optional[int] = ..., status: _Optional[_Union[AccountStatus, str]] = ...) -> None: ...
