import pytest

from execution_monitor.ingest.secret_patterns import is_secret_name, mask_secrets


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "DB_PASSWORD",
            "userPassword",
            "passwd",
            "passphrase",
            "pwd",
            "db_pass",
            "secret",
            "clientSecret",
        ),
        *("token", "api_token", "accessToken", "access_tokens", "id-token", "api_key", "apiKey", "APIKEY", "X-Api-Key"),
        *("authorization", "http.request.header.authorization", "Proxy-Authorization", "auth", "credentials", "cookie"),
        *("private_key", "aws_secret_access_key", "signing-key", "set-cookie", "jwt"),
    ],
)
def test_values_of_names_that_look_like_secrets_are_secret(name: str):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("tokens", "max_tokens", "maxTokens", "token_count", "llm.token_count.prompt", "gen_ai.usage.input_tokens"),
        *(
            "tokens_used",
            "tokenizer",
            "token_type",
            "token_limit",
            "tokenUsage",
            "author",
            "key",
            "passed",
            "passenger",
        ),
        *("authored_by", "monkey", "keyboard", "compass", "oauth.version"),
    ],
)
def test_counts_of_tokens_and_names_that_are_only_similar_are_not_secret(name: str):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("cannot log in: password=hunter2, user=ada", "cannot log in: password=***, user=ada"),
        ("PASSWORD: hunter2", "PASSWORD: ***"),
        ('{"user": "ada", "password": "hun\\"ter2", "x": 1', '{"user": "ada", "password": "***", "x": 1'),
        ("connect(user='ada', password='hunter2')", "connect(user='ada', password='***')"),
        ("{'api_token': b'hunter2'}", "{'api_token': b'***'}"),
        (r'"{\"api_token\": \"hunter2\"}"', r'"{\"api_token\": \"***\"}"'),
        ("credentials: {user: ada, key: hunter2} rest", "credentials: *** rest"),
        ("AWS_SECRET_ACCESS_KEY=hunter2 make", "AWS_SECRET_ACCESS_KEY=*** make"),
        ("GET /x?api_key=hunter2&page=2", "GET /x?api_key=***&page=2"),
        ("tool --db-password hunter2 --verbose", "tool --db-password *** --verbose"),
        ("Authorization: Bearer hunter2.abc-def", "Authorization: ***"),
        ("curl -H 'authorization: Basic aHVudGVyMg=='", "curl -H 'authorization: ***'"),
        ("sent bearer hunter2hunter2 to it", "sent bearer *** to it"),
        ("sent Basic aHVudGVyMg== to it", "sent Basic *** to it"),
        ("Cookie: theme=dark; session=hunter2\nnext", "Cookie: ***\nnext"),
        ("postgres://ada:hunter2@db/x", "postgres://ada:***@db/x"),
        ("postgres://ada:hun@ter2@db/x", "postgres://ada:***@db/x"),
        ("https://hunter2hunter2hunter2@example.com/", "https://***@example.com/"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl is expired", "*** is expired"),
        ("key em_a1b2c3d4_0123456789abcdefghij is refused", "key *** is refused"),
        (f"Bearer%20em_{'0123456789ab' * 2}_{'Az0' * 14}x is no header", "Bearer%20*** is no header"),
        (f"DAG_em_{'0123456789ab' * 2}_{'Az0' * 14}x", "DAG_***"),
        (
            "em_user_authentication_service-x of system_user_authentication_service",
            "*** of system_user_authentication_service",
        ),
        ("refused: Bearer%20abcdef123", "refused: Bearer%20***"),
        ("<db:password>hunter2</db:password><user>ada</user>", "<db:password>***</db:password><user>ada</user>"),
        ('<password kind="x">\n  hun ter2\n</password>', '<password kind="x">\n  ***</password>'),
        ("<password></password>", "<password></password>"),
        ("<li>the password</li>", "<li>the password</li>"),
        ("ghp_0123456789abcdefghij and AKIA0123456789ABCDEF", "*** and ***"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nend",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nend",
        ),
        ('password="hunter2', 'password="***'),
        ("İpassword=hunter2", "İpassword=***"),
    ],
)
def test_secrets_in_a_text_are_masked_and_the_rest_is_kept(text: str, masked: str):
    assert mask_secrets(text) == masked
    assert mask_secrets(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "token_count=5 tokens: 7 max_tokens=8",
        "SyntaxError: Unexpected token: )",
        "The password reset mail was sent.",
        "KeyError: 'api_key'",
        "Bearer authentication failed",
        "basic understanding",
        "https://ada@example.com/a:b@c",
        "see https://example.com:8080/x@y",
        "stream_users_of_the_third_kind",
        "risk-based-authentication-of-users",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str):
    assert mask_secrets(text) == text
