//! Rules of a document of S3 as text, so that those which are not ours go back exactly as they came.
//!
//! The SDK reads the fields that it knows and drops the rest. Lifecycle and replication documents are lists of `Rule`
//! elements; the text of each is kept from the answer and put in the place of what the SDK would send for it.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes the text of every rule from an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleTexts(Arc<Mutex<Vec<String>>>);

impl RuleTexts {
    /// The texts of the `n` rules that the SDK read, in their order; none when they cannot be told apart.
    pub(super) fn take(&self, n: usize) -> Vec<String> {
        let texts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if texts.len() == n { texts } else { Vec::new() }
    }
}

impl Intercept for RuleTexts {
    fn name(&self) -> &'static str {
        "RuleTexts"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let texts = body.map(|body| rules(body).into_iter().map(|rule| body[rule].to_owned()).collect());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = texts.unwrap_or_default();
        Ok(())
    }
}

/// Puts known texts in the place of rules that the SDK sends; `None` leaves what it says.
#[derive(Debug)]
pub(super) struct WithRules(pub Vec<Option<String>>);

impl Intercept for WithRules {
    fn name(&self) -> &'static str {
        "WithRules"
    }

    // Before the checksum is taken and the request is signed.
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let body = request.body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(body) = body.and_then(|body| replaced(body, &self.0)) else { return Ok(()) };
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        Ok(())
    }
}

/// The document with some of its rules replaced; `None` when its rules are not those that are meant.
fn replaced(body: &str, texts: &[Option<String>]) -> Option<String> {
    let found = rules(body);
    if found.len() != texts.len() {
        return None;
    }
    let mut out = String::with_capacity(body.len());
    let mut at = 0;
    for (rule, text) in found.into_iter().zip(texts) {
        out.push_str(&body[at..rule.start]);
        at = rule.end;
        out.push_str(text.as_deref().unwrap_or(&body[rule]));
    }
    out.push_str(&body[at..]);
    Some(out)
}

/// Where the rules of a document stand. In these documents no rule holds another and text is escaped, so the tags
/// themselves are enough.
fn rules(body: &str) -> Vec<Range<usize>> {
    const OPEN: &str = "<Rule>";
    const CLOSE: &str = "</Rule>";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = body[at..].find(OPEN).map(|start| at + start) {
        let Some(end) = body[start..].find(CLOSE).map(|end| start + end + CLOSE.len()) else { break };
        found.push(start..end);
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_meant_rules_are_replaced() {
        let body = "<L><Rule><ID>a</ID></Rule>\n<Rule><ID>b</ID></Rule></L>";
        let new = "<Rule><ID>a</ID><New>1</New></Rule>".to_owned();
        let expected = "<L><Rule><ID>a</ID><New>1</New></Rule>\n<Rule><ID>b</ID></Rule></L>";
        assert_eq!(replaced(body, &[Some(new.clone()), None]).as_deref(), Some(expected));
        assert_eq!(replaced(body, &[None, None]).as_deref(), Some(body));
        assert_eq!(replaced(body, &[Some(new)]), None);
        assert_eq!(rules("<L></L>").len(), 0);
        assert_eq!(rules("<L><Rule>").len(), 0);
    }
}
