//! The names of the methods that tests call.

pub const REGISTER: &str = "veza.auth.v1.AuthService/Register";
pub const LOGIN: &str = "veza.auth.v1.AuthService/Login";
pub const REFRESH_TOKEN: &str = "veza.auth.v1.AuthService/RefreshToken";
pub const LOGOUT: &str = "veza.auth.v1.AuthService/Logout";
pub const VALIDATE_TOKEN: &str = "veza.auth.v1.AuthService/ValidateToken";
pub const WATCH_REVOCATIONS: &str = "veza.auth.v1.AuthService/WatchRevocations";
pub const REAUTHENTICATE: &str = "veza.auth.v1.AuthService/Reauthenticate";
pub const CHANGE_PASSWORD: &str = "veza.auth.v1.AuthService/ChangePassword";
pub const REQUEST_PASSWORD_RESET: &str = "veza.auth.v1.AuthService/RequestPasswordReset";
pub const RESET_PASSWORD: &str = "veza.auth.v1.AuthService/ResetPassword";
pub const SEND_EMAIL_VERIFICATION: &str = "veza.auth.v1.AuthService/SendEmailVerification";
pub const VERIFY_EMAIL: &str = "veza.auth.v1.AuthService/VerifyEmail";
pub const COMPLETE_MFA_LOGIN: &str = "veza.auth.v1.AuthService/CompleteMfaLogin";
pub const GET_MFA_STATUS: &str = "veza.auth.v1.AuthService/GetMfaStatus";
pub const ENROLL_TOTP: &str = "veza.auth.v1.AuthService/EnrollTotp";
pub const CONFIRM_TOTP: &str = "veza.auth.v1.AuthService/ConfirmTotp";
pub const DISABLE_TOTP: &str = "veza.auth.v1.AuthService/DisableTotp";
pub const REGENERATE_RECOVERY_CODES: &str = "veza.auth.v1.AuthService/RegenerateRecoveryCodes";
pub const LIST_SESSIONS: &str = "veza.auth.v1.AuthService/ListSessions";
pub const REVOKE_SESSION: &str = "veza.auth.v1.AuthService/RevokeSession";
pub const REVOKE_SESSIONS: &str = "veza.auth.v1.AuthService/RevokeSessions";
pub const BEGIN_OAUTH: &str = "veza.auth.v1.AuthService/BeginOAuth";
pub const COMPLETE_OAUTH: &str = "veza.auth.v1.AuthService/CompleteOAuth";
pub const LIST_IDENTITIES: &str = "veza.auth.v1.AuthService/ListIdentities";
pub const LINK_IDENTITY: &str = "veza.auth.v1.AuthService/LinkIdentity";
pub const UNLINK_IDENTITY: &str = "veza.auth.v1.AuthService/UnlinkIdentity";

pub const LIST_API_KEYS: &str = "veza.access.v1.AccessService/ListApiKeys";
pub const CREATE_API_KEY: &str = "veza.access.v1.AccessService/CreateApiKey";
pub const DELETE_API_KEY: &str = "veza.access.v1.AccessService/DeleteApiKey";

pub const LIST_USERS: &str = "veza.user.v1.UserService/ListUsers";
pub const GET_ME: &str = "veza.user.v1.UserService/GetMe";
pub const GET_USER: &str = "veza.user.v1.UserService/GetUser";
pub const UPDATE_USER: &str = "veza.user.v1.UserService/UpdateUser";
pub const DELETE_USER: &str = "veza.user.v1.UserService/DeleteUser";
pub const SUSPEND_USER: &str = "veza.user.v1.UserService/SuspendUser";
pub const UNSUSPEND_USER: &str = "veza.user.v1.UserService/UnsuspendUser";

pub const LIST_ROOMS: &str = "veza.chat.v1.ChatService/ListRooms";
pub const CREATE_ROOM: &str = "veza.chat.v1.ChatService/CreateRoom";
pub const GET_ROOM: &str = "veza.chat.v1.ChatService/GetRoom";
pub const UPDATE_ROOM: &str = "veza.chat.v1.ChatService/UpdateRoom";
pub const DELETE_ROOM: &str = "veza.chat.v1.ChatService/DeleteRoom";

pub const LIST_STREAMS: &str = "veza.stream.v1.StreamService/ListStreams";
pub const CREATE_STREAM: &str = "veza.stream.v1.StreamService/CreateStream";
pub const GET_STREAM: &str = "veza.stream.v1.StreamService/GetStream";
pub const UPDATE_STREAM: &str = "veza.stream.v1.StreamService/UpdateStream";
pub const DELETE_STREAM: &str = "veza.stream.v1.StreamService/DeleteStream";

pub const LIST_ERROR_REASONS: &str = "veza.meta.v1.MetaService/ListErrorReasons";
pub const GET_SERVER_INFO: &str = "veza.meta.v1.MetaService/GetServerInfo";
