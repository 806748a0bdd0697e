-- Administrators may suspend accounts.
INSERT INTO role_permissions (role, permission) VALUES ('admin', 'users.suspend');
