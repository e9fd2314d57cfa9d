//! What the provider of a test does wrong when it is told to.

/// One lie. Several at once are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lie {
    /// Metadata says another issuer.
    MetadataIssuer,
    /// Metadata has a token endpoint without TLS.
    MetadataPlainEndpoint,
    /// Metadata is no JSON.
    MetadataForm,
    /// Metadata has 10 MB.
    MetadataHuge,
    /// Metadata does not come.
    MetadataSlow,
    /// Metadata is elsewhere, in a private network.
    MetadataRedirect,
    /// Metadata has keys in a private network that nobody named.
    MetadataPrivateKeys,
    /// Metadata answers 500.
    MetadataDown,
    /// Keys answer 500.
    KeysDown,
    /// No key is published.
    KeysNone,
    /// Keys and tokens name no key, and there are two keys.
    KeysNameless,
    /// The answer names another issuer.
    AnswerIssuer,
    /// The answer names no issuer, though metadata promises it.
    AnswerNoIssuer,
    /// The person, or the provider, ended it.
    AnswerError,
    /// The answer has no code.
    AnswerNoCode,
    /// `iss` is another.
    Issuer,
    /// `iss` is missing.
    NoIssuer,
    /// `aud` is another.
    Audience,
    /// `aud` is missing.
    NoAudience,
    /// There are two audiences, and no `azp`.
    Audiences,
    /// `azp` is another.
    AuthorizedParty,
    /// `exp` is past.
    Expired,
    /// `exp` is missing.
    NoExpiry,
    /// `iat` is an hour ahead.
    IssuedAhead,
    /// `iat` is an hour old.
    IssuedBefore,
    /// `iat` is missing.
    NoIssuedAt,
    /// `nonce` is another.
    Nonce,
    /// `nonce` is missing.
    NoNonce,
    /// `sub` is missing.
    NoSubject,
    /// `sub` is empty.
    EmptySubject,
    /// `sub` has 300 characters.
    LongSubject,
    /// `sub` stands there twice.
    TwoSubjects,
    /// `alg` is `none`, and there is no signature.
    AlgorithmNone,
    /// `alg` is `HS256`.
    AlgorithmHmac,
    /// `alg` is one that is not pinned.
    AlgorithmOther,
    /// The signature is of something else.
    Signature,
    /// Another key signs under the name of the published one.
    OtherKey,
    /// Another key signs under a name of its own.
    UnknownKey,
    /// The header brings its own key.
    HeaderKey,
    /// The header says where its key is.
    HeaderKeyUrl,
    /// The header says where its certificate is.
    HeaderCertificateUrl,
    /// The header has something critical.
    HeaderCritical,
    /// The header says that it is an access token.
    HeaderType,
    /// Five parts, as of an encrypted token.
    Encrypted,
    /// `at_hash` is of another token.
    AccessTokenHash,
    /// `email` is a number.
    ClaimType,
    /// There is no ID token.
    NoIdToken,
    /// The token endpoint refuses.
    TokenError,
    /// The token endpoint answers with a page.
    TokenForm,
    /// The token endpoint answers with 10 MB.
    TokenHuge,
    /// The token endpoint does not answer.
    TokenSlow,
    /// The token endpoint is elsewhere.
    TokenRedirect,
    /// The access token has a line break.
    TokenLineBreak,
    /// Userinfo is about another subject.
    UserinfoSubject,
    /// Userinfo is about nobody.
    UserinfoNoSubject,
    /// Userinfo answers 500.
    UserinfoDown,
    /// Userinfo does not answer.
    UserinfoSlow,
    /// Userinfo has 10 MB.
    UserinfoHuge,
    /// Userinfo is elsewhere.
    UserinfoRedirect,
    /// Userinfo says something twice.
    UserinfoTwice,
}
