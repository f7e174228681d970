//! Not yet inhabited.
