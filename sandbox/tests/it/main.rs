//! The sandbox over real HTTP, on ports of its own. It never talks to a real gateway.

#[cfg(test)]
mod flutterwave_v3;
#[cfg(test)]
mod flutterwave_v4;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod knobs;
#[cfg(test)]
mod monnify;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod process;
#[cfg(test)]
mod stripe;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod webhooks;
