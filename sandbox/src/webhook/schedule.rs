//! When each gateway sends a webhook again, and which answers end it.
//!
//! Waits are counted in paces: one pace stands for Paystack's first wait of three minutes, so that all gateways keep their
//! proportions at a laptop's speed.

use crate::gateways::Gateway;

/// Paystack: every 3 minutes four times, then every hour for 72 hours (paystack.com/docs/payments/webhooks).
const PAYSTACK: (u32, u32, u32, u32) = (4, 1, 72, 20);

/// Flutterwave's third interface does not document a number: three times, half an hour apart, is what its dashboard offers.
const FLUTTERWAVE_V3: [u32; 3] = [10; 3];

/// Flutterwave's fourth interface sends through Svix (its error codes say so), which repeats after 5 seconds, 5 minutes, 30
/// minutes, 2, 5, 10 and 10 hours (docs.svix.com/retries).
const FLUTTERWAVE_V4: [u32; 7] = [1, 2, 10, 40, 100, 200, 200];

/// Monnify: twelve times, 5 minutes apart.
const MONNIFY: [u32; 12] = [2; 12];

/// Stripe: ever more rarely over three days (docs.stripe.com/webhooks#retries): 1,440 paces.
const STRIPE: [u32; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 417];

/// Paces to wait before the retry of that number, counted from 0; `None`: the gateway gives up.
pub(super) fn paces_before(gateway: Gateway, retry: usize) -> Option<u32> {
    match gateway {
        Gateway::Paystack => {
            let (quick, quick_wait, slow, slow_wait) = PAYSTACK;
            let retry = u32::try_from(retry).ok().filter(|retry| *retry < quick + slow)?;
            Some(if retry < quick { quick_wait } else { slow_wait })
        }
        Gateway::FlutterwaveV3 => FLUTTERWAVE_V3.get(retry).copied(),
        Gateway::FlutterwaveV4 => FLUTTERWAVE_V4.get(retry).copied(),
        Gateway::Monnify => MONNIFY.get(retry).copied(),
        Gateway::Stripe => STRIPE.get(retry).copied(),
    }
}

/// Whether the gateway takes that status for "received". Paystack and Monnify say 200 and mean it; so does Flutterwave's third
/// interface. Svix and Stripe take every 2xx.
pub(super) const fn is_taken(gateway: Gateway, status: u16) -> bool {
    match gateway {
        Gateway::Paystack | Gateway::FlutterwaveV3 | Gateway::Monnify => status == 200,
        Gateway::FlutterwaveV4 | Gateway::Stripe => status >= 200 && status < 300,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gateway_gives_up_after_its_own_time() {
        let paces = |gateway| (0..).map_while(|retry| paces_before(gateway, retry)).collect::<Vec<_>>();
        let total = |gateway| paces(gateway).iter().sum::<u32>();
        assert_eq!((paces(Gateway::Paystack).len(), total(Gateway::Paystack)), (76, 4 + 72 * 20));
        assert_eq!(paces(Gateway::Monnify).len(), 12);
        assert_eq!(total(Gateway::Stripe), 3 * 24 * 20, "three days");
        assert!(is_taken(Gateway::Stripe, 202) && !is_taken(Gateway::Monnify, 202));
    }
}
