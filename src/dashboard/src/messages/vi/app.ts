import type { Messages } from '../messages.ts'

export const app: Messages['app'] = {
  name: 'Execution Monitor',
  skip: 'Chuyển đến nội dung',
  pages: 'Các trang',
  executions: 'Lượt chạy',
  shortcuts: 'Phím tắt',
  shortcutsTitle: 'Phím tắt (?)',
  theme: (theme) => `Giao diện: ${theme}`,
  switchTheme: (theme, next) => `Giao diện: ${theme}. Chuyển sang ${next}`,
  themes: { system: 'theo hệ thống', light: 'sáng', dark: 'tối' },
  signOut: 'Đăng xuất',
  signedOut: (reason) => `Bạn đã bị đăng xuất: ${reason}`,
  loading: 'Đang tải …',
  notFound: 'Không tìm thấy trang',
  language: 'Ngôn ngữ',
}
