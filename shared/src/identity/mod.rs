//! The adapter to Microsoft's identity platform (login.microsoftonline.com): authorize URL, token endpoint, id_token.
