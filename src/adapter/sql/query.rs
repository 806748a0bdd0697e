//! The names of queries, by which they are measured: a closed set.

macro_rules! queries {
    ($($query:ident = $name:literal,)*) => {
        /// A query, named after the method of the store that makes it; what every method needs comes first.
        #[derive(Debug, Clone, Copy)]
        pub enum Query {
            $($query,)*
        }

        impl Query {
            /// Each of them, in order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$query),*];

            /// Its name in metrics and log lines.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$query => $name,)*
                }
            }
        }
    };
}

queries! {
    Begin = "begin",
    Commit = "commit",
    Rollback = "rollback",
    Savepoint = "savepoint",
    Announce = "announce",
    Ping = "ping",

    FindUser = "find_user",
    FindUserToSignIn = "find_user_to_sign_in",
    FindUserByName = "find_user_by_name",
    FindUserByEmail = "find_user_by_email",
    IsUsernameTaken = "is_username_taken",
    FindPasswordHash = "find_password_hash",
    FindPermissions = "find_permissions",
    ListUsers = "list_users",
    CountUsersWithRole = "count_users_with_role",
    InsertUser = "insert_user",
    LockUser = "lock_user",
    UpdateUser = "update_user",
    LockRoleBindings = "lock_role_bindings",
    GrantRole = "grant_role",
    RevokeRole = "revoke_role",
    UpdatePasswordHash = "update_password_hash",

    FindSession = "find_session",
    FindPrincipal = "find_principal",
    ListDevices = "list_devices",
    InsertSession = "insert_session",
    AdvanceSession = "advance_session",
    ShortenSession = "shorten_session",
    EndSession = "end_session",
    EndSessionsOf = "end_sessions_of",
    EndSurplusSessions = "end_surplus_sessions",
    ListSessions = "list_sessions",
    RenewSession = "renew_session",
    MarkSessionsSeen = "mark_sessions_seen",

    ListSigningKeys = "list_signing_keys",
    LockSigningKeys = "lock_signing_keys",
    InsertSigningKey = "insert_signing_key",
    RetireSigningKey = "retire_signing_key",

    FindApiKey = "find_api_key",
    ListApiKeys = "list_api_keys",
    CountApiKeys = "count_api_keys",
    InsertApiKey = "insert_api_key",
    DeleteApiKey = "delete_api_key",
    MarkApiKeysUsed = "mark_api_keys_used",

    MailStatus = "mail_status",
    ListMails = "list_mails",
    CountMails = "count_mails",
    InsertMail = "insert_mail",
    ClaimMails = "claim_mails",
    RenewMails = "renew_mails",
    SettleMail = "settle_mail",
    ExpireMails = "expire_mails",

    FindOneTimeToken = "find_one_time_token",
    InsertOneTimeToken = "insert_one_time_token",
    TakeOneTimeToken = "take_one_time_token",
    DeleteOneTimeTokens = "delete_one_time_tokens",

    ListErrands = "list_errands",
    InsertErrand = "insert_errand",
    TakeErrand = "take_errand",

    FindIdentity = "find_identity",
    ListIdentities = "list_identities",
    InsertIdentity = "insert_identity",
    UpdateIdentity = "update_identity",
    DeleteIdentity = "delete_identity",

    FindTallies = "find_tallies",
    LockTallies = "lock_tallies",
    KeepTallies = "keep_tallies",

    FindSecondFactor = "find_second_factor",
    CountRecoveryCodes = "count_recovery_codes",
    HasRecoveryCode = "has_recovery_code",
    InsertSecondFactor = "insert_second_factor",
    ConfirmSecondFactor = "confirm_second_factor",
    AdvanceSecondFactor = "advance_second_factor",
    MarkShortPassword = "mark_short_password",
    DeleteSecondFactor = "delete_second_factor",
    ReplaceRecoveryCodes = "replace_recovery_codes",
    TakeRecoveryCode = "take_recovery_code",

    FindRoom = "find_room",
    IsRoomMember = "is_room_member",
    ListRooms = "list_rooms",
    InsertRoom = "insert_room",
    LockRoom = "lock_room",
    UpdateRoom = "update_room",

    FindStream = "find_stream",
    ListStreams = "list_streams",
    InsertStream = "insert_stream",
    LockStream = "lock_stream",
    UpdateStream = "update_stream",

    OutboxStatus = "outbox_status",
    CountPublished = "count_published",
    FindPlaces = "find_places",
    ListEvents = "list_events",
    ListRevocations = "list_revocations",
    Record = "record",
    ClaimEvents = "claim_events",
    MarkPublished = "mark_published",
    ReleaseEvents = "release_events",
    RetakeLost = "retake_lost",
    RetakePublished = "retake_published",

    Audit = "audit",
    FindResult = "find_result",
    KeepResult = "keep_result",
    Purge = "purge",
}
