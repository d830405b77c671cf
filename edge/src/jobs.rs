//! What runs by the clock.

use domain::signature::CLOCK_SKEW_MAX;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use crate::context::now;

/// Forgets nonces that no signature could still be good with.
pub(crate) async fn hourly(env: &Env) {
    // Twice the skew: a request may be signed that far ahead, and be sent again that much later.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a float for 285,000 years")]
    let before = (now().as_millis() - 2 * CLOCK_SKEW_MAX.0) as f64;
    let forgotten = async {
        env.d1("DB")?
            .prepare("DELETE FROM seen_nonce WHERE seen_at < ?1")
            .bind(&[JsValue::from_f64(before)])?
            .run()
            .await
    };
    if let Err(error) = forgotten.await {
        crate::log::warn("hourly", error);
    }
}
